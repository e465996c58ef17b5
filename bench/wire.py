# SPDX-License-Identifier: Apache-2.0
"""A wire for the benchmarks of the live sensor: two network namespaces, a pair of interfaces between them, tcpreplay at
one end (`far`) and a program at the other (`near`). bench/live-run and bench/soak use it; root only."""
import json, os, re, shutil, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
IMWARD = os.path.abspath(os.environ.get("IMWARD", os.path.join(TOP, "build", "imward")))
FAR, NEAR = f"bench{os.getpid()}a", f"bench{os.getpid()}b"
QUEUES = 2  # of each interface, so that AF_XDP may have two workers


def check_possible(*tools):
    """Leave with a word on what is missing."""
    if os.geteuid() != 0:
        sys.exit("needs root: it makes network namespaces")
    if not os.path.exists(IMWARD):
        sys.exit(f"{IMWARD} is not there: make build")
    for tool in ("ip", "tcpreplay", *tools):
        if shutil.which(tool) is None:
            sys.exit(f"{tool} is not installed: scripts/setup check")


def sh(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def inside(namespace, *words):
    return ["ip", "netns", "exec", namespace, *words]


class Wire:
    """`with Wire() as folder:` the wire, and a folder for its files; both are gone afterwards."""

    def __enter__(self):
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it is taken down then, too
        self.folder = tempfile.mkdtemp(prefix="imward-bench-")
        os.chmod(self.folder, 0o755)
        for name in (FAR, NEAR):
            sh("ip", "netns", "add", name)
            sh(*inside(name, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1"))  # no frames but ours
        many = ["numrxqueues", str(QUEUES), "numtxqueues", str(QUEUES)]
        sh("ip", "link", "add", "far", "netns", FAR, *many, "type", "veth", "peer", "name", "near", "netns", NEAR, *many)
        for where, name in ((FAR, "far"), (NEAR, "near")):
            sh("ip", "-n", where, "link", "set", name, "up")
        return self.folder

    def __exit__(self, *_):
        for name in (FAR, NEAR):
            pids = subprocess.run(["ip", "netns", "pids", name], capture_output=True, text=True).stdout
            for pid in pids.split():  # both namespaces are ours, and so is what runs in them
                os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "del", name], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


def generate(folder, flows):
    """A mixed capture, and how many packets are in it."""
    program, capture = os.path.join(folder, "generate"), os.path.join(folder, "mixed.pcap")
    subprocess.run(["gcc", "-O2", "-o", program, os.path.join(HERE, "generate.c"), "-lcrypto"], check=True)
    subprocess.run([program, str(flows), "1", capture], check=True)
    return capture


def replaying(capture, rate, *options, cpu=None):
    """tcpreplay at work; rate in packets a second, None: as fast as it can."""
    pinned = ["taskset", "-c", str(cpu)] if cpu is not None else []
    words = [*pinned, "tcpreplay", "--preload-pcap", "-i", "far", f"--pps={rate}" if rate else "--topspeed", *options, capture]
    return subprocess.Popen(inside(FAR, *words), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def replayed(player):
    """Its end: (frames sent, seconds)."""
    said = player.communicate()[0]
    actual = re.search(r"Actual: (\d+) packets .* sent in ([\d.]+) seconds", said)
    failed = re.search(r"Failed packets:\s+(\d+)", said)
    if actual is None or failed is None or int(failed.group(1)) > 0:
        sys.exit(f"tcpreplay could not send everything:\n{said}")
    return int(actual.group(1)), float(actual.group(2))


def cpu_seconds(*pids):
    """Of processes that run, all threads."""
    ticks = 0
    for pid in pids:
        ticks += sum(map(int, open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def wait_for(condition, seconds=20):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


class Watch:
    """A running `imward watch`."""

    def __init__(self, folder, *options):
        self.folder = tempfile.mkdtemp(dir=folder)
        os.chmod(self.folder, 0o777)
        self.events, self.log, self.path = (os.path.join(self.folder, n) for n in ("eve.json", "log", "control"))
        words = inside(NEAR, IMWARD, "watch", "-i", "near", "--user", "nobody", "-s", "-o", self.events, "--control", self.path,
                       "--stats-interval", "0", *options)
        with open(self.log, "wb") as log, open(os.path.join(self.folder, "out"), "wb") as out:
            self.process = subprocess.Popen(words, stdout=out, stderr=log)
        if not wait_for(lambda: "watching:" in self.said() or self.process.poll() is not None) or self.process.poll() is not None:
            sys.exit(f"imward watch did not start:\n{self.said()}")
        self.cpu_at_start = self.cpu()

    def said(self):
        return open(self.log, errors="replace").read()

    def pids(self):
        """The opener, and its child, the sensor."""
        opener = self.process.pid
        return opener, int(open(f"/proc/{opener}/task/{opener}/children").read().split()[0])

    def cpu(self):
        return cpu_seconds(*self.pids())

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(30)
            s.connect(self.path)
            s.sendall((json.dumps({"command": command}) + "\n").encode())
            return json.loads(s.makefile().readline())

    def status(self):
        answer = self.ask("status")
        return answer.get("status", answer)

    def settle(self, sent):
        """Wait until all that was sent is seen or dropped, or nothing more comes."""
        def all_there():
            s = self.status()
            return s["counters"]["frames"] + s["live"]["dropped"] + s["live"]["bypassed_packets"] >= sent
        return wait_for(all_there, 10)

    def stop(self):
        """Stop; the counters of --stats."""
        self.process.send_signal(signal.SIGTERM)
        status = self.process.wait(60)
        if status != 0:
            sys.exit(f"imward watch ended with {status}:\n{self.said()}")
        lines = open(os.path.join(self.folder, "out")).read().splitlines()
        return {line.split()[0]: int(line.split()[1]) for line in lines if len(line.split()) > 1}
