"""``tracklib completion``."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

# Bash parts words at = and :, which names of runs have: here what no blank parts is one word, and only what is behind
# the last of these signs is replaced. click's own script forgets the names of runs as soon as paths are possible, too.
_BASH = r"""%(complete_func)s() {
    local IFS=$'\n' line=$COMP_LINE i word words=() current part="" completion type value
    local breaks=${COMP_WORDBREAKS//[!=:]/}
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((i)) && [[ $line != [[:blank:]]* ]]; then
            words[-1]+=$word
        else
            line=${line#"${line%%%%[![:blank:]]*}"}
            words+=("$word")
        fi
        line=${line#"$word"}
    done
    current=${words[-1]}
    if [[ -n $breaks && $current != [\"\']* && $current == *[$breaks]* ]]; then
        part=${current%%"${current##*[$breaks]}"}
    fi
    i=$((${#words[@]} - 1))
    for completion in $(COMP_WORDS="${words[*]}" COMP_CWORD=$i %(complete_var)s=bash_complete "$1"); do
        IFS=, read -r type value <<< "$completion"
        case $type in
            dir) compopt -o plusdirs ;;
            file) compopt -o default ;;
            plain)
                value=${value#"$part"}
                [[ $current == [\"\']* ]] || printf -v value %%q "$value"
                COMPREPLY+=("$value")
                ;;
        esac
    done
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""


class _Bash(BashComplete):
    source_template = _BASH


class _Fish(FishComplete):
    """Whose own script ends a name at its first comma."""

    source_template = FishComplete.source_template.replace('string split ","', 'string split -m 1 ","')


_SHELLS: dict[str, type[ShellComplete]] = {"bash": _Bash, "zsh": ZshComplete, "fish": _Fish}
_HINT = {
    "bash": 'eval "$(tracklib completion bash)"    # in ~/.bashrc',
    "zsh": 'eval "$(tracklib completion zsh)"    # in ~/.zshrc',
    "fish": "tracklib completion fish | source    # in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HINT)))
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print what has your shell complete commands, options, runs and metrics."""
    kind = _SHELLS[shell]
    click.echo(kind(ctx.find_root().command, {}, "tracklib", "_TRACKLIB_COMPLETE").source())
    click.echo(f"# {_HINT[shell]}")
