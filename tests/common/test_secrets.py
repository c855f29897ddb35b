"""Secrets out: what is masked, and what only looks like a secret and is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracklib._common.secret_forms import MASK
from tracklib._common.secret_names import is_secret_name
from tracklib._common.secrets import (
    error_text,
    redact,
    redact_head,
    redact_source,
    redact_text,
    shows_secret,
    without_masks,
)

WORDS = "Correct-Horse"  # a secret that nothing but its place gives away


def made(prefix: Any, length: Any, alphabet: str = "aB3dE5gH1jK7") -> Any:
    """A key of the well-known shape ``prefix`` + ``length`` characters; put together here, so that no scanner calls."""
    return prefix + (alphabet * length)[:length]


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_TEST_TOKEN", "a secret of the environment")


# By the key's words


@pytest.mark.parametrize(
    "name",
    [
        "api_key", "apikey", "API_KEY", "apiKey", "APIKey", "api-key", "api.key", "api_keys", "openai_api_key",
        "OPENAI_KEY", "wandb_key", "access_key", "aws_secret_access_key", "private_key", "ssh_key", "encryption_key",
        "signing_key", "account_key", "service_key", "master_key",
        "token", "auth_token", "authToken", "hf_token", "HF_TOKEN", "access_token_2", "githubtoken",
        "secret", "secrets", "client_secret", "clientsecret", "password", "PASSWORD", "passwd", "pwd", "db_password",
        "PGPASSWORD", "userPassword", "passphrase", "passcode",
        "credential", "credentials", "auth", "authorization", "Authorization", "bearer", "cookie", "session_cookies",
        "jwt", "sig", "X-Amz-Signature",
    ],
)  # fmt: skip
def test_a_name_that_says_secret_masks_its_value(name: str) -> None:
    assert is_secret_name(name)
    assert redact({name: WORDS}) == {name: MASK}
    assert redact_text(f"{name}={WORDS}") == f"{name}={MASK}"


@pytest.mark.parametrize(
    "name",
    [
        "num_tokens", "max_tokens", "tokens", "tokens_per_second", "n_token", "token_count", "min_token_len",
        "loss_per_token", "token_loss", "token_type_ids", "eos_token_id", "pad_token", "mask_token", "bos_token",
        "token_embedding", "tokenizer", "tokenizer_path", "tokenization", "author", "authors", "authority",
        "passed", "bypass", "compass", "password_file", "token_path", "auth_type",
        "key", "keys", "keyboard", "monkey", "turkey", "primary_key", "sort_key", "image_key", "key_dim",
        "secretary", "cookbook", "signature", "design", "sigma", "sigmoid", "bear", "", "123", "lr", "été",
    ],
)  # fmt: skip
def test_a_name_that_only_looks_secret_keeps_its_value(name: str) -> None:
    assert not is_secret_name(name)
    assert redact({name: WORDS}) == {name: WORDS}
    assert redact_text(f"{name}={WORDS}") == f"{name}={WORDS}"


@pytest.mark.parametrize("name", ["token_accuracy", "token_dim", "auth_retries", "password_attempts", "secret_seed"])
@pytest.mark.parametrize("number", [3, 0.93, 100_000])
def test_a_number_is_no_secret_where_the_secret_word_is_not_the_last(name: str, number: float) -> None:
    assert redact({name: number}) == {name: number}
    assert redact_text(f"{name}={number}") == f"{name}={number}"


@pytest.mark.parametrize("name", ["password", "db_password", "api_token", "api_key"])
def test_a_whole_number_is_a_secret_where_its_name_says_so(name: str) -> None:
    assert redact({name: 12345678}) == {name: MASK}
    assert redact_text(f"{name}: 12345678") == f"{name}: {MASK}"


@pytest.mark.parametrize("value", [None, True, False, 0.5])
def test_none_a_flag_and_a_fraction_are_no_secrets(value: Any) -> None:
    assert redact({"use_auth_token": value}) == {"use_auth_token": value}


# By the value's shape


@pytest.mark.parametrize(
    "secret",
    [
        made("sk-", 48),
        made("sk-proj-", 60),
        made("sk-ant-api03-", 60),
        made("sk-", 32, "0123456789abcdef"),
        made("sk-or-v1-", 64, "0123456789abcdef"),
        made("sk_live_", 24),
        made("rk_test_", 24),
        made("pk_live_", 24),
        made("ghp_", 36),
        made("gho_", 36),
        made("ghs_", 36),
        made("github_pat_", 60),
        made("glpat-", 20),
        made("hf_", 34),
        made("xoxb-", 40),
        made("wandb_v1_", 40),
        made("AKIA", 16, "ABCD2345"),
        made("ASIA", 16, "ABCD2345"),
        made("AIza", 35),
        made("dapi", 32, "0123456789abcdef"),
        made("npm_", 36),
        made("pypi-", 60),
        made("eyJ", 20) + "." + made("eyJ", 30) + "." + made("", 40),
        made("hooks.slack.com/services/T0001/B0001/", 24),
        "-----BEGIN RSA PRIVATE KEY-----\nMIIB\n" + "x" * 64 + "\n-----END RSA PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----\ncut off here",
    ],
    ids=lambda secret: secret[:12],
)
def test_a_value_of_a_well_known_shape_is_masked_wherever_it_stands(secret: Any) -> None:
    assert redact(secret) == MASK
    assert redact_text(f"refused: {secret}") == f"refused: {MASK}"
    assert redact({"notes": [f"({secret})"]})["notes"][0].startswith(f"({MASK}")
    assert redact({secret: None}) == {MASK: None}


@pytest.mark.parametrize(
    "text",
    [
        "sk-learn",
        "sk-learn-random-forest-classifier",
        "sk_resnet_with_long_descriptive_name",
        "pk_embedding_table_of_the_model",
        "risk-averse-reinforcement-learning",
        "hf_model",
        "bert-base-uncased",
        "meta-llama/Llama-2-7b-hf",
        "basic training of the network",
        "Basic features",
        "bearer of the news",
        "eyJ.short.x",
        "AKIA",
        "https://example.org/path@v1",
        "https://example.org:8080/a?b=c",
        "user@example.org",
        "s3://bucket/key",
        "runs/2024-01-01T00:00:00-digits",
        "0123456789abcdef0123456789abcdef",
        "loss=0.123456789, accuracy: 0.98",
        "token: the smallest unit"[:6],
        "epoch 3: 100 tokens in 5 s",
        "-----BEGIN PUBLIC KEY-----",
        "",
    ],
)
def test_a_text_that_only_looks_secret_is_kept(text: Any) -> None:
    assert redact_text(text) == text


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("http://user:pass@host/x", f"http://{MASK}@host/x"),
        ("postgresql+psycopg2://u:p@db:5432/mlflow", f"postgresql+psycopg2://{MASK}@db:5432/mlflow"),
        ("https://ghtoken@github.com/a/b", f"https://{MASK}@github.com/a/b"),
        ("http://user:p@ss@host", f"http://{MASK}@host"),
        ("http://u:p@a and http://u:p@b", f"http://{MASK}@a and http://{MASK}@b"),
        ("Authorization: Bearer abcdefgh12345678", f"Authorization: {MASK} {MASK}"),
        ("'Authorization': 'Basic dXNlcjpwYXNz'", None),
        ('-H "Authorization: Basic dXNlcjpwYXNz"', None),
        ("sent Bearer abcdefgh12345678 to", f"sent Bearer {MASK} to"),
        ("sent basic dXNlcjpwYXNzMQ== to", f"sent basic {MASK} to"),
        ('{"password": "with some spaces", "lr": 0.1}', f'{{"password": "{MASK}", "lr": 0.1}}'),
        ("{'api_key': 'it\\'s', 'lr': 0.1}", f"{{'api_key': '{MASK}', 'lr': 0.1}}"),
        ("password='cut off in the mid", f"password='{MASK}"),
        ("https://host/x?token=abcdefgh&y=1", f"https://host/x?token={MASK}&y=1"),
        ("url=https://host/x?a=b,token=abcdefgh", f"url=https://host/x?a=b,token={MASK}"),
        ('{"url": "https://host/x?token=abcdefgh"}', f'{{"url": "https://host/x?token={MASK}"}}'),
        ("--api-key=abcdefgh --lr=0.1", f"--api-key={MASK} --lr=0.1"),
        ("AccountName=a;AccountKey=abcdefgh==;Suffix=b", f"AccountName=a;AccountKey={MASK};Suffix=b"),
        ("export HF_TOKEN = abcdefgh", f"export HF_TOKEN = {MASK}"),
        ("train.py --token abcdefgh --lr 0.1", f"train.py --token {MASK} --lr 0.1"),
        ("curl -password abcdefgh", f"curl -password {MASK}"),
        ("['--api-key', 'it is x', '-v']", f"['--api-key', '{MASK}', '-v']"),
        ('["--token", "abcdefgh"]', f'["--token", "{MASK}"]'),
        ("--token\nabcdefgh", f"--token\n{MASK}"),
        ("--token --lr 0.1", "--token --lr 0.1"),
        ("--num-tokens 4096 --tokenizer bpe", "--num-tokens 4096 --tokenizer bpe"),
        ("--token-accuracy 0.93", "--token-accuracy 0.93"),
        ("a well-known-token stands here", "a well-known-token stands here"),
        ("no token here, and no password there", "no token here, and no password there"),
        ("(Evil: api_key=***)", "(Evil: api_key=***)"),
    ],
)
def test_the_secret_in_a_text_is_masked_and_the_rest_is_kept(text: str, masked: str | None) -> None:
    made = redact_text(text)
    if masked is None:
        assert "dXNlcjpwYXNz" not in made
    else:
        assert made == masked


# In source


@pytest.mark.parametrize(
    ("source", "masked"),
    [
        ('+    api_key: str = "S"', '+    api_key: str = "***"'),
        ('+    password: str | None = "S"', '+    password: str | None = "***"'),
        ('+    token: Optional[str] = "S"', '+    token: *** = "***"'),
        ('+os.environ["MY_API_KEY"] = "S"', '+os.environ["MY_API_KEY"] = "***"'),
        ('+os.environ.setdefault("MY_API_KEY", "S")', '+os.environ.setdefault("MY_API_KEY", "***")'),
        ("+api_key = f'S'", "+api_key = f'***'"),
        ('+api_key = ("S")', '+api_key = ("***")'),
        ('+api_key = os.getenv("API_KEY") or "S"', None),
        ('+api_key = os.environ.get("API_KEY", "S")', None),
        ('+p.add_argument("--api-key", type=str, default="S")', None),
        ('+    "api_key = \\"S\\"\\n",', '+    "api_key = \\"***\\"\\n",'),
        ('+    "os.environ[\\"API_KEY\\"] = \\"S\\"\\n",', '+    "os.environ[\\"API_KEY\\"] = \\"***\\"\\n",'),
        ('+login(password="S", user="bob")', '+login(password="***", user="bob")'),
        (f'+wandb.login(key="{"0123456789" * 4}")', '+wandb.login(key="***")'),
        (f"+wandb login {'0123456789' * 4}", "+wandb login ***"),
        ('+sep_token: str = "<sep>"', '+sep_token: str = "<sep>"'),
        ('+if password == "":', '+if password == "":'),
        ('+optimizer: str = "sgd"', '+optimizer: str = "sgd"'),
    ],
)
def test_the_secret_in_a_program_is_masked_whatever_stands_between_it_and_its_name(
    source: str, masked: str | None
) -> None:
    made = redact_source(source.replace("S", "hunter2hunter2"))
    assert "hunter2" not in made
    assert "0123456789" not in made
    if masked is not None:
        assert made == masked


@pytest.mark.parametrize(
    "unit", ["token:[", "token: ", 'token="a" or ', '\\"token\\": \\"', "token=f(", '"--token", default=']
)
def test_a_long_source_takes_no_more_than_its_length_deserves(unit: str) -> None:
    redact_source(unit * (200_000 // len(unit)))


# By the environment


def test_the_value_of_a_secret_variable_is_masked_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "correct horse battery")
    assert redact({"command": "login correct horse battery now"}) == {"command": f"login {MASK} now"}


def test_of_two_secret_variables_the_longer_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "battery horse")
    monkeypatch.setenv("B_TOKEN", "battery horse staple")
    assert redact_text("x battery horse staple") == f"x {MASK}"


@pytest.mark.parametrize(
    ("name", "value"), [("HARMLESS", "battery horse"), ("TOKENIZER", "battery horse"), ("SHORT_TOKEN", "horse")]
)
def test_an_innocent_or_short_variable_is_kept(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert redact_text("a battery horse") == "a battery horse"


@pytest.mark.parametrize("name", ["PWD", "OLDPWD"])
def test_the_working_directory_is_no_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/home/someone/project")
    assert redact_text("cannot write /home/someone/project/runs") == "cannot write /home/someone/project/runs"


# Containers


def test_containers_are_rebuilt_and_not_changed() -> None:
    config = {"a": [{"token": "abc"}, ("x", {"password": "p"})], 1: "kept"}
    assert redact(config) == {"a": [{"token": MASK}, ["x", {"password": MASK}]], 1: "kept"}
    assert config == {"a": [{"token": "abc"}, ("x", {"password": "p"})], 1: "kept"}


def test_all_of_a_secret_list_is_masked() -> None:
    assert redact({"api_keys": ["one", "two"]}) == {"api_keys": [MASK, MASK]}
    assert redact(["one"], "token") == [MASK]


def test_all_text_in_a_secret_mapping_is_masked() -> None:
    config = {"credentials": {"user": "me", "inner": {"value": "x"}, "type": "basic"}, "user": "me"}
    assert redact(config) == {
        "credentials": {"user": MASK, "inner": {"value": MASK}, "type": "basic"},
        "user": "me",
    }


def test_what_was_masked_is_left_out_where_a_default_shall_take_its_place() -> None:
    config = redact({"uri": "http://u:p@host", "token": "abc", "inner": {"password": "p", "lr": 0.1}, "keys": ["a", 1]})
    assert without_masks(config) == {"uri": "http://host", "inner": {"lr": 0.1}, "keys": ["a", 1]}
    assert without_masks(["a", MASK]) == ["a"]


@pytest.mark.parametrize("value", [0, 1.5, None, True, 10**30])
def test_what_is_no_text_is_kept(value: Any) -> None:
    assert redact({"lr": value}) == {"lr": value}


@given(st.text())
def test_masking_twice_is_masking_once(text: Any) -> None:
    once = redact_text(text)
    assert redact_text(once) == once


@pytest.mark.parametrize("unit", ["a", "a.", " ", "sk-", "eyJ", "'", '"', "a=", "://", "authorization:", "\\", "a='\\"])
def test_a_long_text_takes_no_more_than_its_length_deserves(unit: str) -> None:
    redact_text(unit * (200_000 // len(unit)))


# Lists of words


def test_what_follows_an_option_is_masked_as_on_a_command_line() -> None:
    words = ["train.py", "--token", "x", "-v", "--api-key=abcd", "--num-tokens", "5", "--secret", "-x", "kept"]
    assert redact({"argv": words}) == {
        "argv": ["train.py", "--token", MASK, "-v", f"--api-key={MASK}", "--num-tokens", "5", "--secret", "-x", "kept"]
    }


@pytest.mark.parametrize("item", ["- a line of text", "--token and more", "-H 'Authorization: none'", "---", "-"])
def test_a_text_that_begins_with_a_dash_is_no_option(item: str) -> None:
    assert redact([item, "kept"])[1] == "kept"


def test_in_a_secret_list_an_option_changes_nothing() -> None:
    assert redact({"credentials": ["a", "--lr", "b"]}) == {"credentials": [MASK, MASK, MASK]}


# Nothing is lost, and nothing hangs


def test_two_names_that_are_masked_are_both_kept() -> None:
    one, two = made("ghp_", 36), made("hf_", 34)
    assert redact({one: 1, "lr": 0.1, two: 2}) == {MASK: 1, "lr": 0.1, f"{MASK}-2": 2}


def test_what_holds_itself_is_masked_where_it_would_begin_again() -> None:
    loop: dict[str, Any] = {"lr": 0.1, "list": [1]}
    loop["list"].append(loop)
    assert redact(loop) == {"lr": 0.1, "list": [1, MASK]}


def test_what_is_nested_too_deeply_is_masked_at_the_bottom() -> None:
    deep: dict[str, Any] = {}
    leaf = deep
    for _ in range(200):
        leaf["x"] = leaf = {}
    leaf["password"] = "hunter2"
    assert "hunter2" not in repr(redact(deep))


def test_sets_are_looked_into() -> None:
    assert redact({"api_keys": {"one"}, "words": {"lr"}}) == {"api_keys": [MASK], "words": ["lr"]}


@pytest.mark.parametrize("spelt", ["a%20secret%20of%20the%20environment", "a secret of the environment"])
def test_a_variables_value_is_masked_as_a_url_spells_it_too(spelt: str) -> None:
    assert redact_text(f"https://host/?q={spelt}&x=1") == f"https://host/?q={MASK}&x=1"


def test_a_variables_value_is_masked_as_json_spells_it_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_PASSWORD", 'quote " and\nnewline')
    assert redact_text(r'{"x": "quote \" and\nnewline"}') == f'{{"x": "{MASK}"}}'


@pytest.mark.parametrize("limit", [10, 80, 500])
def test_the_beginning_of_a_long_text_shows_no_part_of_a_secret(limit: int) -> None:
    key = made("ghp_", 36)
    for length in range(0, 600, 7):
        shown = redact_head("x" * length + " " + key + " " + "y" * 20_000, limit)
        assert "ghp" not in shown
        assert len(shown) <= limit + 3


def test_the_beginning_of_a_short_text_is_the_text() -> None:
    assert redact_head("loss=0.5", 80) == "loss=0.5"
    assert redact_head("x" * 81, 80) == "x" * 80 + "..."


def test_a_text_shows_a_secret_by_its_shape_or_the_environment_and_not_by_a_name_beside_it() -> None:
    assert shows_secret(f"({made('ghp_', 36)})")
    assert shows_secret("a secret of the environment")
    assert not shows_secret("token=abcdefgh")


@pytest.mark.parametrize(
    "name",
    """
    tokenizer num_tokens max_tokens pad_token_id eos_token author authority key_dim keys password_free token_dropout
    token_mixing token_embed token_drop_rate token_budget image_token image_token_index audio_token token_shift
    token_merging token_reduction token_pruning token_ratio token_acc cross_token token_weight token_size token_limit
    token_classification prefix_token start_token end_token stop_token lang_token src_lang_token oov_token blank_token
    use_class_token dist_token token_pos token_usage noise_token token_emb ignore_token newline_token think_token
    token_frequency boi_token_index im_start_token password_required secret_size token_ttl cookie_expires auth_timeout
    primary_key sort_key key_padding_mask num_key_value_heads qk_norm signature sigma keyboard monkey secretary authored
    cookiecutter passwordless additional_special_tokens max_new_tokens prompt_tokens
    """.split(),
)
def test_a_name_of_machine_learning_is_no_secret(name: str) -> None:
    assert redact({name: "<value>"}) == {name: "<value>"}
    assert redact_text(f"{name}=<value>") == f"{name}=<value>"


@pytest.mark.parametrize(
    "name",
    """
    token api_token hf_token id_token ci_id_token image_pull_token image_registry_token user_token start_secret
    class_password pad_api_key prefix_secret_token stop_auth_token token_value TOKEN_2 text_password
    languageToken_secret
    """.split(),
)
def test_a_word_of_machine_learning_beside_a_real_secret_hides_nothing_of_it(name: str) -> None:
    assert redact({name: "hunter22x"}) == {name: "***"}


def test_a_text_is_cut_and_no_secret_shows_in_part() -> None:
    assert redact_head("x" * 100, 100) == "x" * 100
    assert redact_head("x" * 101, 100) == "x" * 100 + "..."
    secret = "sk-" + "a1B2c3D4" * 6
    for before in range(80, 100):
        assert "a1B2" not in redact_head("x" * before + " " + secret + " " + "y" * 5_000, 100)


class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("it cannot say it")


def test_an_error_that_cannot_say_what_it_is_says_nothing() -> None:
    assert error_text(Mute()) == ""
    assert error_text(ValueError("\udce9 token=hunter2hunter2")) == "\\udce9 token=***"
