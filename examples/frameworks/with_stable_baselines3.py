"""Stable-Baselines3: an agent balances a pole."""

from stable_baselines3 import A2C

from tracklib.integrations.stable_baselines3 import TracklibCallback

model = A2C("MlpPolicy", "CartPole-v1", n_steps=32, device="cpu")
model.learn(2_000, callback=TracklibCallback(output_run="runs/stable_baselines3"), log_interval=5)
