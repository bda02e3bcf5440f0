"""``controlwatch rejudge``: archived events judged again, with those that came too late."""

from pathlib import Path

import click
import orjson

from controlwatch import options
from controlwatch.cli import action
from controlwatch.output import Output, mask_option, output_option


@click.command("rejudge")
@click.option("--key", "keys", multiple=True, required=True, metavar="KEY",
              help='KIND=VALUE[,VALUE…], KIND=["…"] (JSON), or VALUE: all keys of which it is a part. Repeatable.')  # fmt: skip
@click.option("--from", "since", type=options.Instant(), required=True, help="Late events and violations from this time on.")
@click.option("--to", "until", type=options.Instant(), required=True, help="… up to this time.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, write nothing.")
@click.option("--data", type=click.Path(path_type=Path), help="Data folder; default: CONTROLWATCH_DATA.")
@click.option(
    "--kafka/--no-kafka", default=None,
    help="On Kafka, or in the data folder; default: on Kafka if Elasticsearch is configured and --data not given.",
)  # fmt: skip
@mask_option
@output_option
def command(
    keys: tuple[str, ...], since: int, until: int, data: Path | None, output: str, *,
    dry_run: bool, kafka: bool | None, mask: bool,
) -> None:  # fmt: skip
    """Judge archived events of a key again, with those that were later than a fold's memory, and correct what was published.

    Prints the transitions that this makes: new violations, changed ones, those that are not true any more. They enter the
    live log as correction records, which the owner of the key takes up once; a second run finds nothing to do. What the owner
    still holds it judges itself; before that, what is archived counts (docs/decisions/0016-rejudge.md).
    """
    if since > until:
        raise click.UsageError("--from is after --to; exchange them")
    kinds = sorted({rule.fold.keying.kind for rule in options.ruleset(()).rules})
    wanted = [parsed(text, kinds) for text in keys]
    action("rejudge")(wanted, since, until, Output(output, mask=mask), data=data, kafka=kafka, dry_run=dry_run)


def parsed(text: str, kinds: list[str]) -> tuple[str, tuple[str, ...]]:
    """Kind (empty: any) and parts of a key. Raises click.UsageError."""
    kind, equals, rest = text.partition("=")
    if not equals:
        if not text:
            raise click.UsageError("--key is empty; name a key, like login_source=10.0.0.9, or a part of one, like 10.0.0.9")
        return "", (text,)
    if kind not in kinds:
        raise click.UsageError(f"--key {text!r}: {kind!r} is no kind of key; there are {', '.join(kinds)}")
    if not rest.startswith("["):
        return kind, tuple(rest.split(","))
    try:
        parts = orjson.loads(rest)
    except orjson.JSONDecodeError as error:
        raise click.UsageError(f'--key {text!r}: no JSON list ({error}); write it like {kind}=["a","b"]') from error
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise click.UsageError(f'--key {text!r}: the parts of a key are texts; write it like {kind}=["a","b"]')
    return kind, tuple(parts)
