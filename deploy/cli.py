"""The command ``nuanliu``."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Table

from deploy import SAMPLE, explain_command, policy_commands
from deploy.certificates import CertificateError
from deploy.gazetteer import commands as places
from deploy.local.engines import EngineMissing
from deploy.local.supervisor import PartFailed
from deploy.local.up import (
    MOST_COPIES,
    DirectoryInUse,
    DirectoryUnusable,
    LocalStack,
    PortTaken,
    StackOptions,
)
from deploy.registry import commands as tenant
from deploy.registry import seats
from deploy.registry.file import RegistryBusy
from deploy.setup import set_up
from shared.contracts.streams import SERVICES
from shared.policy import PolicyError, load

app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help="暖流 Nuanliu"
)
app.add_typer(tenant.app, name="tenant")
app.add_typer(seats.app, name="centre")
app.add_typer(policy_commands.app, name="policy")
app.add_typer(places.app, name="places")
app.command()(explain_command.explain)
PROBLEMS = (
    CertificateError,
    EngineMissing,
    DirectoryInUse,
    DirectoryUnusable,
    PortTaken,
    PolicyError,
    RegistryBusy,
)
_console = Console()
_errors = Console(stderr=True, soft_wrap=True)

_Policy = explain_command.Pack


@app.command()
def up(
    directory: Annotated[Path, typer.Option("--dir", help="data, keys, logs and endpoints.json")] = Path(
        "var/local"
    ),
    port_base: Annotated[
        int, typer.Option(min=1024, max=65_000, help="intake listens on this plus 1")
    ] = 8000,
    copies: Annotated[int, typer.Option(min=1, max=MOST_COPIES, help="copies of each service")] = 1,
    policy: _Policy = SAMPLE,
    log_level: Annotated[str, typer.Option(help="of the services")] = "INFO",
    tokens: Annotated[
        bool, typer.Option("--tokens", help="HTTP only with a token, as in production")
    ] = False,
    tls: Annotated[bool, typer.Option("--tls", help="NATS and the database over TLS only")] = False,
) -> None:
    """本地运行全套系统，直到 Ctrl-C。 The whole system on this machine, until Ctrl-C."""
    options = StackOptions(
        directory=directory,
        port_base=port_base,
        copies=copies,
        jurisdiction=policy,
        log_level=log_level,
        http_tokens="required" if tokens else "optional",
        tls=tls,
    )
    asyncio.run(until_told(options))


@app.command()
def setup(
    nats: Annotated[str, typer.Option(help="URL of the NATS server")],
    seed: Annotated[Path, typer.Option(help="file with the administrator's nkey seed")],
    mongo: Annotated[str | None, typer.Option(help="URL of the database, as its administrator")] = None,
    policy: _Policy = SAMPLE,
    registry: Annotated[Path | None, typer.Option(help="the installation's tenants.yaml")] = None,
    ca: Annotated[Path | None, typer.Option(help="ca.pem, where NATS speaks TLS")] = None,
    replicas: Annotated[int, typer.Option(min=1, max=5, help="of every stream")] = 3,
    ack_wait: Annotated[float, typer.Option(help="seconds, of the services' consumers")] = 30.0,
) -> None:
    """创建或更新流、消费者和索引。 Create or update streams, consumers and indexes; what is right stays as it is."""
    done = asyncio.run(
        set_up(
            load(policy, registry).tenants.tenants,
            nats_url=nats,
            admin_seed=seed.read_text().strip(),
            ca=ca,
            mongo_url=mongo,
            replicas=replicas,
            ack_wait=timedelta(seconds=ack_wait),
        )
    )
    _console.print("\n".join(done) or "nothing to do", highlight=False)


@app.command()
def demo(
    directory: Annotated[Path, typer.Option("--dir", help="emptied first")] = Path("var/demo"),
    port_base: Annotated[int, typer.Option(min=1024, max=65_000)] = 8200,
    days: Annotated[int, typer.Option(min=2, max=60, help="with new appeals")] = 14,
    appeals: Annotated[int, typer.Option(min=20, max=100_000)] = 2000,
    seed: Annotated[int, typer.Option(help="another seed is another winter")] = 20251115,
) -> None:
    """回放一段采暖季并核对每一件诉求。 Replay a stretch of a heating season and account for every appeal."""
    from deploy.replay.demo import run
    from deploy.replay.season import Season

    raise typer.Exit(run(directory, port_base, Season(days=days, appeals=appeals, seed=seed)))


@app.command()
def similar(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)],
    policy: _Policy = SAMPLE,
    likeness: Annotated[
        float | None, typer.Option(min=0.05, max=1, help="of the words at least, else the policy's")
    ] = None,
    days: Annotated[float | None, typer.Option(min=0, help="at most so far apart, else the policy's")] = None,
    most: Annotated[int, typer.Option(min=0, help="clusters shown, the largest")] = 10,
) -> None:
    """哪些消息像是同一问题。 Which messages of FILE (JSON lines: text or subject, time?) look like one problem."""
    from deploy.similar import similar_file

    jurisdiction = load(policy)
    rule = jurisdiction.policy.similar
    if likeness is not None:
        rule = rule.model_copy(update={"likeness": likeness, "likeness_here": likeness})
    if days is not None:
        rule = rule.model_copy(update={"within": timedelta(days=days)})
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=_errors, transient=True, disable=not _errors.is_terminal) as bars:

        def steps(what: str, parts: Iterable[Any], how_many: int | None) -> Iterable[Any]:
            return bars.track(parts, total=how_many, description=what)

        unread = similar_file(file, sys.stdout, jurisdiction, rule, steps, most)
    for line in unread:
        _errors.print(f"未读 unread {line}", highlight=False, markup=False)
    if unread:
        raise typer.Exit(1)


def main(command: Callable[[], None] = app) -> None:
    """Run the command line; an error that a person can mend ends it with one message instead of a traceback."""
    try:
        command()
    except PartFailed as failure:
        _errors.print(
            f"nuanliu: {failure.part} 失败 failed: {failure.why}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        raise SystemExit(1) from None
    except (*PROBLEMS, *tenant.PROBLEMS) as problem:
        _errors.print(f"nuanliu: {problem}", highlight=False, markup=False)
        raise SystemExit(1) from None


async def until_told(options: StackOptions) -> None:
    """Run a stack until SIGINT or SIGTERM, also one that comes while it is starting."""
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signum, told.set)
    running = asyncio.create_task(_run(options))
    waiting = asyncio.create_task(told.wait())
    await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    try:
        await running
    except asyncio.CancelledError:
        _console.print("已停止 stopped")


async def _run(options: StackOptions) -> None:
    async with AsyncExitStack() as exits:
        with _console.status("正在启动 starting …"):
            stack = await exits.enter_async_context(LocalStack(options))
        _console.print(_overview(stack))
        raise await asyncio.shield(stack.failed)


def _overview(stack: LocalStack) -> Table:
    table = Table("服务 part", "地址 URL", "进程 pid", title="暖流 Nuanliu", title_justify="left")
    pids = stack.supervisor.pids
    for service in SERVICES:
        for copy, part in enumerate(stack.parts_of(service)):
            table.add_row(part, stack.http(service, copy), str(pids[part]))
    table.add_row("nats", stack.nats, str(pids["nats"]))
    table.add_row("mongo", _address(stack.mongo()), str(pids["mongo"]))
    table.caption = f"{stack.directory}/endpoints.json"
    return table


def _address(url: str) -> str:
    """A database URL without the password, to be shown."""
    return f"mongodb://{url.rpartition('@')[2].partition('/')[0]}"
