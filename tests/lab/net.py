# SPDX-License-Identifier: Apache-2.0
"""The lab: a client network, a gateway, a server network, in namespaces of their own; and taps that keep what comes out of
the gateway on either side, which is how it is proved that nobody behind it received a byte.

    a, b    two clients     10.1.0.11, 10.1.0.12    fd00:1::11, fd00:1::12      (adams and baker, in policies)
    gw      the gateway     `inside` and `outside`: routes; or, with bridged=True, joins them without an address
    s, p    outside         10.2.0.2, a server with one address more for each name it has; 10.2.0.3, other people

`lan` holds the two cables with their taps. Everything is named after this process, and goes at the end, also when a test
fails. Needs root, iproute2, ethtool."""
import collections, contextlib, ctypes, glob, os, re, shutil, signal, socket, struct, subprocess, sys, tempfile, threading, time

A, B, S, P = "10.1.0.11", "10.1.0.12", "10.2.0.2", "10.2.0.3"
A6, B6, S6, P6 = "fd00:1::11", "fd00:1::12", "fd00:2::2", "fd00:2::3"
DNS, DNS6 = "10.2.0.53", "fd00:2::53"
# Names that the lab's DNS knows, each with an address of its own: what is learnt of one says nothing of another.
NAMES = {name: (f"10.2.0.{n}", f"fd00:2::{n}") for n, name in enumerate(
    ("web.whatsapp.com", "web.telegram.org", "discord.com", "app.slack.com", "chat.signal.org", "www.example.org",
     "notwhatsapp.com", "mmg.whatsapp.net", "media.example.org", "bulk.example.org", "edge-chat.facebook.com", "teams.microsoft.com", "up-m.talk.kakao.com"), 20)}
JABBER = ("jabber.example", "upload.jabber.example", "proxy.jabber.example", "rooms.jabber.example")  # all at S
# Where the conversations of tests/fixtures/stage.py are played (PLAYED: host of an address): added to the hosts.
PLAYED = {"10.77.0.2": "a", "2001:db8:77::2": "a", "198.51.100.7": "s", "198.51.100.8": "s", "203.0.113.20": "p", "2001:db8:99::7": "s"}
CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def sh(*words, check=True, **more):
    return subprocess.run(words, check=check, capture_output=True, text=True, **more).stdout


def wait_for(condition, seconds=10, every=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(every)
    return bool(condition())


def missing(*tools):
    """Why there can be no lab here, or None. A tool that lacks ends the check: scripts/setup check installs it."""
    if os.geteuid() != 0:
        return "not root"
    if lacking := [tool for tool in ("ip", "ss", "sysctl", "ethtool", *tools) if shutil.which(tool) is None]:
        sys.exit(f"not installed: {', '.join(lacking)}; scripts/setup check does it")
    name = f"iml{os.getpid()}try"
    subprocess.run(["ip", "netns", "add", name], capture_output=True)
    able = subprocess.run(["ip", "netns", "exec", name, "true"], capture_output=True).returncode == 0
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None if able else "no network namespaces here (or / is no mount, as in a plain chroot)"


def take_down(name):
    """A namespace, and what runs in it."""
    for pid in sh("ip", "netns", "pids", name, check=False).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)  # only what the lab started is in it
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    shutil.rmtree(f"/etc/netns/{name}", ignore_errors=True)


def take_down_the_dead():
    """Labs whose process was killed without a word."""
    for name in [*os.listdir("/run/netns"), *(os.listdir("/etc/netns") if os.path.isdir("/etc/netns") else [])] if os.path.isdir("/run/netns") else []:
        owner = re.fullmatch(r"iml(\d+)(?:lan|gw|[absp]|try)", name)
        if owner and not os.path.exists(f"/proc/{owner.group(1)}"):
            take_down(name)
            for folder in glob.glob(os.path.join(tempfile.gettempdir(), f"imward-lab{owner.group(1)}-*")):
                shutil.rmtree(folder, ignore_errors=True)


class Lab:
    def __init__(self, bridged=False, offloads=True, keep=False):
        self.bridged, self.offloads, self.keep = bridged, offloads, keep
        self.made, self.running, self.handles = [], [], {}

    def __enter__(self):
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: exit(143))  # as an exception, so that all is taken down
        take_down_the_dead()
        self.folder = tempfile.mkdtemp(prefix=f"imward-lab{os.getpid()}-")
        os.chmod(self.folder, 0o755)
        self.home = os.open("/proc/self/ns/net", os.O_RDONLY)
        try:
            self.build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def space(self, host):
        return f"iml{os.getpid()}{host}"

    def on(self, host, *words):
        return ["ip", "netns", "exec", self.space(host), *words]

    def build(self):
        for host in ("lan", "gw", "a", "b", "s", "p"):
            name = self.space(host)
            etc = f"/etc/netns/{name}"
            os.makedirs(etc, exist_ok=True)
            self.made.append(name)
            with open(f"{etc}/resolv.conf", "w") as out:
                out.write(f"nameserver {DNS}\noptions timeout:1 attempts:2\n")
            with open(f"{etc}/hosts", "w") as out:
                out.write(f"127.0.0.1 localhost\n::1 localhost\n{S} " + " ".join(JABBER) + "\n")
            sh("ip", "netns", "add", name)
            self.handles[host] = os.open(f"/run/netns/{name}", os.O_RDONLY)
            sh("ip", "-n", name, "link", "set", "lo", "up")
            sh(*self.on(host, "sysctl", "-qw", "net.ipv4.ip_unprivileged_port_start=0", "net.ipv6.conf.default.accept_dad=0",
                        "net.ipv6.conf.all.accept_dad=0"))
        lan = self.space("lan")
        sh(*self.on("lan", "sysctl", "-qw", *(f"net.bridge.bridge-nf-call-{w}tables=0" for w in ("ip", "ip6", "arp"))), check=False)
        for side, members in (("in", ("a", "b")), ("out", ("s", "p"))):
            sh("ip", "-n", lan, "link", "add", f"lan-{side}", "type", "bridge")
            sh(*self.on("lan", "sysctl", "-qw", f"net.ipv6.conf.lan-{side}.disable_ipv6=1"))
            for host in (*members, "gw"):
                end, port = ("eth0" if host != "gw" else f"{side}side"), f"{side}-{host}"
                sh("ip", "link", "add", end, "netns", self.space(host), "type", "veth", "peer", "name", port, "netns", lan)
                sh("ip", "-n", lan, "link", "set", port, "master", f"lan-{side}", "up")
                sh("ip", "-n", self.space(host), "link", "set", end, "up")
                if not self.offloads:
                    for where, name in ((host, end), ("lan", port)):
                        sh(*self.on(where, "ethtool", "-K", name, "tx", "off", "tso", "off", "gso", "off", "gro", "off"))
            sh("ip", "-n", lan, "link", "set", f"lan-{side}", "up")
        own = {"a": [A, A6], "b": [B, B6], "s": [S, S6, DNS, DNS6, *(x for pair in NAMES.values() for x in pair)], "p": [P, P6]}
        for address, host in PLAYED.items():
            own[host].append(address)
        batch = collections.defaultdict(list)
        for host, addresses in own.items():
            net, net6 = (("10.2.0.0/24", "fd00:2::/64") if host in "ab" else ("10.1.0.0/24", "fd00:1::/64"))
            for x in addresses:
                own_net = x.startswith("10.1.") or x.startswith("10.2.") or x.startswith("fd00")
                size = ("/64" if own_net else "/128") if ":" in x else "/24" if own_net else "/32"
                batch[host].append(f"address add {x}{size} dev eth0" + (" nodad" if ":" in x else ""))
            if self.bridged:
                for target in (net, net6, *(x for x in PLAYED if (PLAYED[x] in "ab") != (host in "ab"))):
                    batch[host].append(f"route add {target} dev eth0")
            else:
                n = 1 if host in "ab" else 2
                batch[host] += [f"route add default via 10.{n}.0.1", f"-6 route add default via fd00:{n}::1"]
        if self.bridged:
            batch["gw"] = ["link add br0 type bridge", "link set inside master br0", "link set outside master br0", "link set br0 up"]
        else:
            batch["gw"] = [f"address add {x} dev {dev} nodad" if ":" in x else f"address add {x} dev {dev}" for dev, x in (
                ("inside", "10.1.0.1/24"), ("inside", "fd00:1::1/64"), ("outside", "10.2.0.1/24"), ("outside", "fd00:2::1/64"))]
            batch["gw"] += [f"route add {x} via {dict(a=A, s=S, p=P)[h] if '.' in x else dict(a=A6, s=S6, p=P6)[h]}" for x, h in PLAYED.items()]
            sh(*self.on("gw", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"))
        for host, lines in batch.items():
            for line in lines:
                words = line.split()
                if ":" in line and words[0] in ("route", "address"):
                    words.insert(0, "-6")
                done = subprocess.run(["ip", "-n", self.space(host), *words], capture_output=True, text=True)
                assert done.returncode == 0, f"{host}: ip {line}: {done.stderr}"
        if self.bridged:
            sh(*self.on("gw", "sysctl", "-qw", "net.ipv6.conf.br0.disable_ipv6=1"), check=False)
        self.dns()

    def dns(self):
        words = ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null", "--user=root", "--bind-interfaces",
                 f"--listen-address={DNS},{DNS6}", "--pid-file=", "--local-ttl=60", "--no-daemon"]
        words += [f"--address=/{name}/{x}" for name, pair in NAMES.items() for x in pair]
        words += [f"--address=/{name}/{S}" for name in JABBER]
        self.start("s", *words)
        assert wait_for(lambda: self.listens("s", 53, "-Hlun")), "dnsmasq does not start"

    def listens(self, host, port, how="-Hltn"):
        return bool(sh(*self.on(host, "ss", how, f"sport = :{port}")).strip())

    def start(self, host, *words, log=None, **more):
        """A program in the background; ends with the lab. Its words are in the folder."""
        name = os.path.join(self.folder, log or f"{os.path.basename(words[0])}-{len(self.running)}.log")
        with open(name, "ab") as out:
            more.setdefault("stdin", subprocess.DEVNULL)
            process = subprocess.Popen(self.on(host, *words), stdout=more.pop("stdout", out), stderr=out, start_new_session=True, **more)
        process.log = name
        self.running.append(process)
        return process

    def run(self, host, *words, seconds=30, **more):
        """A program to its end: (status, what it wrote, what it complained of). Status None: it took too long."""
        try:
            done = subprocess.run(self.on(host, *words), capture_output=True, timeout=seconds, **more)
            return done.returncode, done.stdout, done.stderr
        except subprocess.TimeoutExpired as late:
            return None, late.stdout or b"", late.stderr or b""

    def end(self, process, how=signal.SIGTERM, seconds=5):
        if process in self.running:
            self.running.remove(process)
        if process.poll() is None:
            try:
                os.killpg(process.pid, how)
            except ProcessLookupError:
                pass
            try:
                process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(5)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()
        return process.returncode

    def enter(self, host):
        """The calling thread moves into that host; its sockets belong there and stay there."""
        if libc.setns(self.handles[host], CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")

    def leave(self):
        libc.setns(self.home, CLONE_NEWNET)

    def new_socket(self, host, family=socket.AF_INET, kind=socket.SOCK_STREAM, proto=0):
        self.enter(host)
        try:
            return socket.socket(family, kind, proto)
        finally:
            self.leave()

    def socket_to(self, host, address, port, seconds=5, bind=None, kind=socket.SOCK_STREAM):
        """Connected, or OSError."""
        s = self.new_socket(host, socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        s.settimeout(seconds)
        try:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if bind:
                s.bind(bind)
            s.connect((address, port))
        except BaseException:
            s.close()
            raise
        return s

    def listener(self, host, address, port, kind=socket.SOCK_STREAM):
        s = self.new_socket(host, socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind((address, port))
        if kind == socket.SOCK_STREAM:
            s.listen(64)
        return s

    def __exit__(self, *_):
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(number, signal.SIG_IGN)  # this is done to its end
        for process in list(self.running):
            self.end(process)
        for handle in self.handles.values():
            os.close(handle)
        for name in self.made:
            take_down(name)
        os.close(self.home)
        for number in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: exit(143))
        signal.signal(signal.SIGINT, signal.default_int_handler)
        if self.keep:
            print("kept:", self.folder)
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


# ---- what comes out of the gateway ----

SOL_PACKET, PACKET_IGNORE_OUTGOING, PACKET_STATISTICS, ETH_P_ALL, SO_RCVBUFFORCE = 263, 23, 6, 3, 33


class Tap:
    """All that the gateway lets out on one side, as whoever is there receives it: `side` "out" is what servers get, "in" what
    clients get. Use with `with`; then ask."""

    def __init__(self, lab, side="out"):
        self.lab, self.side, self.frames = lab, side, []

    def __enter__(self):
        self.lab.enter("lan")
        try:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        finally:
            self.lab.leave()
        self.socket.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        self.socket.settimeout(0.1)
        self.lab.enter("lan")
        try:
            self.socket.bind((f"{self.side}-gw", ETH_P_ALL))
        finally:
            self.lab.leave()
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.listen, daemon=True)
        self.thread.start()
        return self

    def listen(self):
        end = None  # where something goes on meanwhile, it is never quiet
        while end is None or time.monotonic() < end:
            try:
                self.frames.append((time.monotonic(), self.socket.recv(1 << 17)))
            except TimeoutError:
                if self.over.is_set():
                    break
            if end is None and self.over.is_set():
                end = time.monotonic() + 0.5

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()
        seen, lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))
        self.socket.close()
        assert lost == 0, f"the tap lost {lost} frames: nothing is proved"

    def packets(self):
        """(time, l4, source, its port, destination, its port, sequence number or 0, flags, payload); ICMP without ports"""
        for when, frame in self.frames:
            p = parse(frame)
            if p:
                yield (when, *p)

    def streams(self, read=False):
        """{(l4, source, port, destination, port): bytes in the order of their sequence numbers, from the first}; `read`: those that a
        program at the end can read, which ends where bytes are missing."""
        parts = collections.defaultdict(dict)
        for _, l4, a, ap, b, bp, seq, flags, payload in self.packets():
            if l4 == "tcp":
                first = parts[l4, a, ap, b, bp]
                first.setdefault("zero", seq)
                if payload:
                    at = (seq - first["zero"]) & 0xffffffff
                    if at < 1 << 31 and len(first.get(at, b"")) < len(payload):
                        first[at] = payload
            elif payload:
                first = parts[l4, a, ap, b, bp]
                first[len(first)] = payload
        out = {}
        for key, first in parts.items():
            first.pop("zero", None)
            if key[0] == "tcp":
                whole, end = bytearray(), 0
                for at in sorted(first):
                    if read and at > max(end, 1):
                        break
                    if at + len(first[at]) > end:
                        whole += first[at][max(0, end - at):]
                        end = at + len(first[at])
                out[key] = bytes(whole)
            else:
                out[key] = b"".join(first[k] for k in sorted(first))
        return out

    def data_to(self, address=None, port=None, l4=None):
        """Bytes of payload that reached this address and port."""
        return sum(len(data) for (how, _, _, to, to_port), data in self.streams().items()
                   if address in (None, to) and port in (None, to_port) and l4 in (None, how))

    def packets_with_data_to(self, address, port):
        """On that connection to this address and port where they are most."""
        found = collections.Counter((a, ap) for _, _, a, ap, to, to_port, _, _, payload in self.packets() if (to, to_port) == (address, port) and payload)
        return max(found.values(), default=0)

    def has(self, marker, read=False):
        """Where the marker passed, in clear or as base64: [(l4, source, port, destination, port)]; `read`: as of streams()"""
        forms = spellings(marker)
        return [key for key, data in self.streams(read).items() if any(f in data for f in forms)]


def spellings(marker):
    """The marker as it may stand on the wire: as it is, in base64 at any of three offsets, in UTF-16 both ways."""
    import base64
    out = {marker}
    for lead in range(3):
        text = base64.b64encode(bytes(lead) + marker)
        first, last = -(-lead * 8 // 6), (lead + len(marker)) * 8 // 6
        out.add(text[first:last])
    try:
        out |= {marker.decode().encode("utf-16-le"), marker.decode().encode("utf-16-be")}
    except UnicodeDecodeError:
        pass
    return out


def parse(frame):
    if frame[12:14] == b"\x08\x00":
        at, l4 = 14 + (frame[14] & 15) * 4, frame[23]
        a, b = socket.inet_ntop(socket.AF_INET, frame[26:30]), socket.inet_ntop(socket.AF_INET, frame[30:34])
        end = 14 + struct.unpack_from(">H", frame, 16)[0] or len(frame)
        if struct.unpack_from(">H", frame, 20)[0] & 0x1fff:
            return "frag", a, 0, b, 0, 0, 0, frame[at:end]
    elif frame[12:14] == b"\x86\xdd":
        at, l4 = 54, frame[20]
        a, b = socket.inet_ntop(socket.AF_INET6, frame[22:38]), socket.inet_ntop(socket.AF_INET6, frame[38:54])
        end = 54 + struct.unpack_from(">H", frame, 18)[0] or len(frame)
        if l4 == 44:
            return "frag", a, 0, b, 0, 0, 0, frame[62:end]
    else:
        return None
    if l4 == 6:
        ap, bp, seq = struct.unpack_from(">HHI", frame, at)
        flags, head = frame[at + 13], (frame[at + 12] >> 4) * 4
        return "tcp", a, ap, b, bp, (seq + (flags >> 1 & 1)) & 0xffffffff, flags, frame[at + head:end]
    if l4 == 17:
        ap, bp = struct.unpack_from(">HH", frame, at)
        return "udp", a, ap, b, bp, 0, 0, frame[at + 8:end]
    return ("icmp", a, 0, b, 0, frame[at] << 8 | frame[at + 1], 0, frame[at + 8:end]) if l4 in (1, 58) else None
