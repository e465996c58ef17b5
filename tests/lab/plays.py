# SPDX-License-Identifier: Apache-2.0
"""What people do in the lab. A play returns {part: Part}: did it work for those who did it, byte for byte; and the marker that
was in it, random for each, so that taps can say whether it came through. What should come is waited for long, as on a slow
machine it comes late; what should not, for as long as somebody would look at it."""
import contextlib, dataclasses, hashlib, os, re, socket, ssl, sys, threading, time
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fixtures"))
import content_msn, content_oscar, stage
from net import A, DNS, NAMES, PLAYED, S, S6, wait_for
from people import Irssi, Purple, XmppPerson, chromium
from told import Told

PATIENCE, HOPE = 3, 25
wanted = True   # what is expected of the play at hand: True, False or {part: True, False, None}


@contextlib.contextmanager
def expecting(want):
    global wanted
    before, wanted = wanted, want
    try:
        yield
    finally:
        wanted = before


def patience(part):
    return HOPE if (wanted if isinstance(wanted, bool) else wanted.get(part, True)) else PATIENCE


@dataclasses.dataclass
class Part:
    worked: bool
    marker: bytes = b""
    way: str = "out"        # on which side of the gateway the marker would come out
    where: tuple = ()       # address and port of the server, where its bytes are counted
    note: str = ""


def marker():
    return b"[" + os.urandom(11).hex().encode() + b"]"  # 24 bytes, a multiple of what base64 takes at a time


def content(mark, size):
    """A file: the marker in it again and again, between random bytes."""
    out = bytearray()
    while len(out) < size:
        out += mark + os.urandom(72)
    return bytes(out[:size])


def file_with(lab, name, mark, size, make=content):
    """`make` says what is in files: content, or a virus."""
    data = make(mark, size)
    with open(os.path.join(lab.folder, name), "wb") as out:
        out.write(data)
    return os.path.join(lab.folder, name), data


# ---- the web ----

def web(lab, host="a", name="web.whatsapp.com", port=443, six=False, scheme="https", page="", resolve=True, more=()):
    """A page by curl. Without `resolve` the lab's DNS is asked."""
    address = NAMES[name][six]
    words = ["curl", "-sSk", "--max-time", str(patience("page")), "-6" if six else "-4"]
    if resolve:
        words += ["--resolve", f"{name}:{port}:[{address}]" if six else f"{name}:{port}:{address}"]
    status, said, complaint = lab.run(host, *words, *more, f"{scheme}://{name}:{port}/")
    return {"page": Part(page.encode() in said, where=(address, port), note=f"curl {status} {complaint.decode().strip()} {said[:300].decode(errors='replace')}")}


def by_proxy(lab, name="web.whatsapp.com", proxy=f"http://{S}:3128", page=""):
    """A page over TLS through a proxy outside."""
    status, said, complaint = lab.run("a", "curl", "-sSk", "--max-time", str(patience("page")), "-x", proxy, f"https://{name}/")
    return {"page": Part(page.encode() in said, where=(S, int(proxy.rsplit(":", 1)[1])), note=f"curl {status} {complaint.decode().strip()} {said[:300]}")}


def split_hello(lab, name="web.whatsapp.com", port=9443, size=20, six=False):
    """A ClientHello in small segments, as tools against filters send it. It works when the server has all of it."""
    hello = client_hello(name)
    listener, got = lab.listener("s", NAMES[name][six], port), bytearray()

    def serve():
        try:
            s, _ = listener.accept()
            while more := s.recv(4096):
                got.extend(more)
        except OSError:
            pass
    threading.Thread(target=serve, daemon=True).start()
    try:
        s = lab.socket_to("a", NAMES[name][six], port, patience("hello"))
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), size):
            s.sendall(hello[at:at + size])
            time.sleep(0.003)
        wait_for(lambda: bytes(got) == hello, patience("hello"))
        s.close()
    except OSError:
        pass
    listener.close()
    return {"hello": Part(bytes(got) == hello, where=(NAMES[name][six], port), note=f"{len(got)} of {len(hello)} bytes came")}


def client_hello(name):
    into, out = ssl.MemoryBIO(), ssl.MemoryBIO()
    context = ssl.create_default_context()
    try:
        context.wrap_bio(into, out, server_hostname=name).do_handshake()
    except ssl.SSLWantReadError:
        pass
    return out.read()


def upload(lab, host="a", name="mmg.whatsapp.net", port=8083, size=200000, make=content):
    """A file to a web server."""
    mark = marker()
    path, data = file_with(lab, f"up-{time.monotonic_ns()}", mark, size, make)
    status, said, complaint = lab.run(host, "curl", "-sS", "--max-time", str(patience("file") + 5), "-H", "Expect:", "-H", "Content-Type: application/pdf", "-T", path, "--resolve",
                                      f"{name}:{port}:{NAMES[name][0]}", f"http://{name}:{port}/up/paper.pdf")
    return {"file": Part(said == hashlib.sha256(data).hexdigest().encode(), mark, "out", (NAMES[name][0], port),
                         f"curl {status} {complaint.decode().strip()} {said[:200]}")}


def browse(lab, servers, name="web.whatsapp.com", port=443, quic=False, scheme="https", screenshot=None, host="a", six=False):
    """A page by Chromium."""
    rules = "MAP * ~NOTFOUND" if name not in NAMES else f"MAP {name} {'[%s]' % NAMES[name][1] if six else NAMES[name][0]},MAP * ~NOTFOUND"
    said, took = chromium(lab, host, f"{scheme}://{name}:{port}/", servers, f"--host-resolver-rules={rules}",
                          quic=f"{name}:{port}" if quic else None, screenshot=screenshot, load_seconds=25 if patience("page") == HOPE else 8)
    return {"page": Part(servers.page in said, where=(NAMES[name][six], port), note=f"{took:.1f} s {said[-1500:]}")}


def look_up(lab, name, host="a", kind="A", server=DNS, tcp=False):
    """What DNS says: (status, addresses)."""
    _, said, _ = lab.run(host, "dig", f"@{server}", "+tries=1", "+time=2", *(["+tcp"] if tcp else []), name, kind, seconds=10)
    found = re.search(rb"status: (\w+)", said)
    return found.group(1).decode() if found else "none", re.findall(r"\s(?:A|AAAA)\s+(\S+)$", said.decode(), re.M)


# ---- IRC ----

def irc(lab, port=6667, server=S, host="a", files=True, make=content, size=150000):
    """alice inside, bob outside: chat, then files each way by DCC, a direct chat, and chat again."""
    tag = f"{time.monotonic_ns() % 10**8}"
    alice, bob = Irssi(lab, host, f"alice{tag}", server, port), Irssi(lab, "p", f"bob{tag}", S6 if ":" in server else server)
    names = ["login", "chat", *(["dcc-send", "dcc-get", "dcc-passive", "dcc-chat", "chat-after"] if files else [])]
    parts = {name: Part(False, marker(), "in" if name == "dcc-get" else "out", (server, port)) for name in names}
    try:
        assert bob.is_on(HOPE), "bob, outside, is not on"
        if not alice.is_on(patience("login")):
            parts["login"].note = bytes(alice.shown)[-300:].decode(errors="replace")
            return parts
        parts["login"] = Part(True, where=(server, port))

        def chat(part):
            out, back = parts[part].marker.decode(), marker().decode()
            alice.say(f"/msg {bob.nick} {out}")
            there = bob.reads(out, patience(part))
            bob.say(f"/msg {alice.nick} {back}")
            parts[part].worked = there and alice.reads(back, patience(part))
        chat("chat")
        if not files:
            return parts

        def send(part, sender, taker, dcc_port, *options):
            name = f"{part}-{tag}.bin"
            path, data = file_with(lab, name, parts[part].marker, size, make)
            sender.say(f"/set dcc_port {dcc_port}")
            sender.say(f"/dcc send {' '.join(options)} {taker.nick} {path}")
            parts[part].worked = taker.got(name, data, patience(part))
            parts[part].note = f"{len(taker.part_of(name))} bytes came"
        send("dcc-send", alice, bob, 5555)
        send("dcc-get", bob, alice, 5556)
        bob.say("/set dcc_port 23")
        send("dcc-passive", alice, bob, 5557, "-passive")
        alice.say("/set dcc_port 5558")
        alice.say(f"/dcc chat {bob.nick}")
        wait_for(lambda: b"DCC CHAT connection" in alice.shown or b"DCC CHAT connection" in bob.shown, patience("dcc-chat"))
        alice.say(f"/msg ={bob.nick} {parts['dcc-chat'].marker.decode()}")
        parts["dcc-chat"].worked = bob.reads(parts["dcc-chat"].marker.decode(), patience("dcc-chat"))
        chat("chat-after")
        return parts
    finally:
        alice.quit(), bob.quit()


def irc_inward(lab, port=6667):
    """bob outside comes to a server inside."""
    back, tag = marker(), f"{time.monotonic_ns() % 10**8}"
    alice, bob = Irssi(lab, "b", f"inner{tag}", A, 6700), Irssi(lab, "p", f"outer{tag}", A, port)
    parts = {"login": Part(False, where=(A, port), way="in"), "chat": Part(False, back, "in", (A, port))}
    try:
        assert alice.is_on(HOPE), "alice, inside, is not on"
        if bob.is_on(patience("login")):
            parts["login"].worked = True
            bob.say(f"/msg {alice.nick} {back.decode()}")
            parts["chat"].worked = alice.reads(back.decode(), patience("chat"))
        return parts
    finally:
        alice.quit(), bob.quit()


# ---- XMPP ----

def xmpp(lab, port=5222, server=S, manner="plain", host="a", ways=("in-band", "jingle", "direct", "direct-in", "proxied", "upload", "call"),
         users=("alice", "bob"), make=content):
    """alice inside, bob outside: chat, files by every way, a call's offer, and chat again."""
    names = ["login", "chat", *ways, *(["chat-after"] if ways else [])]
    parts = {name: Part(False, marker(), "in" if name == "direct-in" else "out", (server, port)) for name in names}
    alice, bob = XmppPerson(lab, host, users[0], server, port, manner), XmppPerson(lab, "p", users[1], S6 if ":" in server else server)
    try:
        assert bob.saw("on", HOPE), "bob, outside, is not on"
        if not alice.saw("on", patience("login") + 1):
            return parts
        parts["login"] = Part(True, where=(server, port))

        def chat(part):
            out, back = parts[part].marker.decode(), marker().decode()
            alice.do("chat", to=users[1], text=out)
            there = bob.saw("message", patience(part), text=out)
            bob.do("chat", to=users[0], text=back)
            parts[part].worked = bool(there and alice.saw("message", patience(part), text=back))
        chat("chat")
        # How much has come by SOCKS so far, since what comes is told of all together.
        for way in ways:
            part, sender, taker = parts[way], *((bob, alice) if way == "direct-in" else (alice, bob))
            path, data = file_with(lab, f"{way}-{time.monotonic_ns()}.bin", part.marker, 60000, make)
            sid, to = way + path[-8:-4], users[0] if way == "direct-in" else users[1]
            if way == "call":
                sender.do("call", to=to, sid=sid)
                part.worked = wait_for(lambda: any("rtp:1" in e.get("xml", "") for e in list(taker.happened)), patience(way))
                part.marker = b""
                continue
            if way != "upload":
                sender.do("jingle" if way == "jingle" else "offer", to=to, sid=sid, path=path)
                sender.saw("done", 8 if patience(way) == HOPE else 1, sid=sid)
            if way in ("in-band", "jingle"):
                sender.do("in-band", to=to, sid=sid, path=path)
                end = taker.saw("in-band-end", patience(way), sid=sid)
                part.worked = bool(end and end["sha256"] == hashlib.sha256(data).hexdigest())
            elif way == "upload":
                sender.do("upload", to=to, path=path)
                told = wait_for(lambda: any(e["what"] == "message" and e["url"] for e in list(taker.happened)), patience(way))
                if told:
                    taker.do("fetch", url=next(e["url"] for e in taker.happened if e["what"] == "message" and e["url"]))
                    part.worked = bool(taker.saw("fetched", patience(way), sha256=hashlib.sha256(data).hexdigest()))
            else:
                before = max([e["size"] for e in taker.happened if e["what"] == "socks"], default=0)
                sender.do("proxied" if way == "proxied" else "direct", to=to, sid=sid, path=path, **({} if way == "proxied" else {"port": 7777}))
                part.worked = bool(taker.saw("socks", patience(way), size=before + len(data)))
            part.note = str([e for e in sender.happened + taker.happened if e["what"] == "failed"][-1:])
        if ways:
            chat("chat-after")
        return parts
    finally:
        alice.quit(), bob.quit()
        if manner != "plain":  # no tap reads it
            for part in parts.values():
                part.marker = b""


# ---- libpurple ----

def purple_irc(lab, port=6667):
    """carol at libpurple inside, bob at irssi outside: chat, and a file by DCC."""
    tag = f"{time.monotonic_ns() % 10**6}"
    carol, bob = Purple(lab, "a", f"carol{tag}", S, port), Irssi(lab, "p", f"bob{tag}", S)
    parts = {name: Part(False, marker(), "out", (S, port)) for name in ("login", "chat", "dcc-send", "chat-after")}
    try:
        assert bob.is_on(HOPE), "bob, outside, is not on"
        if not carol.is_on(patience("login") + 2):
            return parts
        parts["login"] = Part(True, where=(S, port))

        def chat(part):
            out, back = parts[part].marker.decode(), marker().decode()
            carol.say(bob.nick, out)
            there = bob.reads(out, patience(part))
            bob.say(f"/msg {carol.name} {back}")
            parts[part].worked = there and carol.reads(back, patience(part))
        chat("chat")
        path, data = file_with(lab, f"purple-{tag}.bin", parts["dcc-send"].marker, 100000)
        carol.send_file(bob.nick, path)
        parts["dcc-send"].worked = bob.got(os.path.basename(path), data, patience("dcc-send"))
        chat("chat-after")
        return parts
    finally:
        carol.quit(), bob.quit()


# ---- conversations of tests/fixtures ----

class Player(stage.Stage):
    """Plays a Leg between the lab's hosts; what does not get through is noted, and the rest goes on."""

    def __init__(self, lab):
        self.lab, self.next_port, self.steps, self.legs = lab, 42000 + int(time.monotonic() * 10) % 10000, [], []

    def socket(self, leg, address, port):
        s = self.lab.new_socket(PLAYED[address], socket.AF_INET6 if ":" in address else socket.AF_INET,
                                socket.SOCK_STREAM if leg.l4 == "tcp" else socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.settimeout(HOPE if wanted is True else PATIENCE + 1)
        s.bind((address, port))
        return s

    def play(self, leg, parts=(), insist=True):
        """Every step: self.steps gets (leg, number, its bytes, those that arrived). `parts`: (first, last) steps that belong
        together: when one does not arrive as it was sent, what comes behind it is left out, as people's programs leave it,
        unless they insist."""
        port, self.next_port = self.next_port, self.next_port + 1
        client, server = self.socket(leg, leg.client, port), self.socket(leg, leg.server, leg.port)
        ends = None
        try:
            if leg.l4 == "tcp":
                server.listen(1)
                client.connect((leg.server, leg.port))
                listener, (server, _) = server, server.accept()
                listener.close()
                for s in (client, server):
                    s.settimeout(HOPE if wanted is True else PATIENCE + 1)
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            else:
                client.connect((leg.server, leg.port)), server.connect((leg.client, port))
            ends = {">": (client, server), "<": (server, client)}
        except OSError:
            pass
        self.legs.append((leg, ends is not None))
        dead, until = ends is None, 0
        for number, step in enumerate(leg.steps):
            if number < until:
                continue
            if isinstance(step, stage.Leg):
                if not dead:  # else nobody has heard of it
                    self.play(step)
                continue
            way, data = step
            got = b"" if dead else self.pass_on(*ends[way], data, leg.l4)
            dead = dead or (len(got) < len(data) and leg.l4 == "tcp")
            self.steps.append((leg, number, data, got))
            if got != data and not insist:
                until = next((last for first, last in parts if first <= number < last), 0)
        client.close(), server.close()

    @staticmethod
    def pass_on(sender, receiver, data, l4):
        got = b""
        try:
            sender.sendall(data)
            while len(got) < len(data):
                more = receiver.recv(65536)
                if not more:
                    break
                got += more
                if l4 == "udp":
                    break
        except OSError:
            pass
        return got

    def intact(self, leg, first, last):
        """Did these steps of the leg arrive as they were?"""
        mine = [s for s in self.steps if s[0] is leg and first <= s[1] < last]
        wanted = sum(1 for step in leg.steps[first:last] if not isinstance(step, stage.Leg))
        return bool(mine) and len(mine) == wanted and all(data == got for _, _, data, got in mine)


def oscar(lab, port=5190, files=True, make=content, insist=False):
    """Alice inside at a message server: chat, a file to Bob and one from him by OFT, straight; chat again."""
    marks = {name: marker() for name in ("chat", "oft-send", "oft-get", "chat-after")}
    b = content_oscar.Bos(Told(), port)
    spans = {"login": (0, len(b.steps))}

    def chat(name):
        first = len(b.steps)
        b.send(1, content_oscar.text_tlv(0, marks[name]))
        b.come(1, content_oscar.text_tlv(0, b"<HTML>and back</HTML>"))
        spans[name] = (first, len(b.steps))

    def file(name, play, *words):
        first = len(b.steps)
        play(b, *words)
        spans[name] = (first, len(b.steps))
    chat("chat")
    if files:
        file("oft-send", content_oscar.sent_directly, [(b"plan.doc", make(marks["oft-send"], 40000))], 4443)
        file("oft-get", content_oscar.come_directly, b"answer.doc", make(marks["oft-get"], 40000), 4444)
        chat("chat-after")
    return played(lab, stage.Leg(port, b.steps), spans, marks, {"oft-get": "in"}, insist)


def msn(lab, port=1863, files=True, make=content, ways=("msnslp", "msnslp-get"), insist=False):
    """Alice at a switchboard with Bob: chat, a file through it by MSNSLP, chat again, then one straight by MSNSLP."""
    marks = {name: marker() for name in ("chat", "msnslp", "msnslp-get", "chat-after")}
    board = content_msn.Switchboard(Told(), [content_msn.BOB])
    content_msn.sign_on(board, "849102291.520491932.80")
    spans = {"login": (0, len(board.steps))}

    def chat(name):
        first = len(board.steps)
        board.say(marks[name].decode())
        board.say("and back", content_msn.BOB)
        spans[name] = (first, len(board.steps))

    def file(name, session, call, sender):
        first, data = len(board.steps), make(marks[name], 30000)
        content_msn.invite_file(board, session, "clients.csv", data, call, sender)
        for at, part in content_msn.pieces(data):
            board.frame(content_msn.p2p(session, 90, at, len(data), part, content_msn.FILE_FLAGS), 2, sender)
        spans[name] = (first, len(board.steps))
    chat("chat")
    if files:
        if "msnslp" in ways:
            file("msnslp", 4711, "{9D79AE57-1BD5-444B-B14E-3FC9BB2B5D58}", None)
        if "msnslp-get" in ways:
            file("msnslp-get", 4713, "{6E5A2C41-0E0F-4D0A-9B3A-6B1D7B8F5A12}", content_msn.BOB)
        chat("chat-after")
    return played(lab, stage.Leg(port, board.steps), spans, marks, {"msnslp-get": "in"}, insist)


def played(lab, leg, spans, marks, ways, insist):
    player = Player(lab)
    player.play(leg, spans.values(), insist)
    parts = {}
    for name, (first, last) in spans.items():
        inner = [s for s in leg.steps[first:last] if isinstance(s, stage.Leg)]
        worked = player.intact(leg, first, last) and all(player.intact(other, 0, len(other.steps)) for other in inner)
        parts[name] = Part(worked, marks.get(name, b""), ways.get(name, "out"), (leg.server, leg.port))
    return parts
