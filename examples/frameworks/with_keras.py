"""Keras 3: a small network learns a sine, on whatever backend KERAS_BACKEND names."""

import keras
import numpy as np

from tracklib.integrations.keras import TracklibCallback

x = np.linspace(-3, 3, 256, dtype="float32").reshape(-1, 1)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(32, activation="tanh"), keras.layers.Dense(1)])
model.compile(optimizer="adam", loss="mse")

ours = TracklibCallback(output_run="runs/keras")
model.fit(x, np.sin(x), validation_split=0.2, epochs=10, verbose=0, callbacks=[ours])
