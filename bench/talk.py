# SPDX-License-Identifier: Apache-2.0
"""One scene of bench/detect and the connections in it: an account that talks to a server over XMPP, IRC, OSCAR, MSN or
Yahoo, as a client of that protocol does. The bytes of the last three are those of tests/fixtures/gone.py."""
import random
from traffic import TALK, Capture, Flow, Truth
from gone import Flap, b16, icbm, lines, name8, oscar_sign_on, tlv, ymsg

HEAD = ("<?xml version='1.0'?><stream:stream {} version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>")
BIND = "urn:ietf:params:xml:ns:xmpp-bind"


class Scene:
    """A capture, its truth, addresses that are used once."""
    def __init__(self, seed):
        self.r, self.capture, self.truth, self.number = random.Random(seed), Capture(), Truth(), 0

    def inside(self):
        self.number += 1
        return f"10.{40 + self.number // 60000}.{self.number // 250 % 250}.{1 + self.number % 250}"

    def outside(self):
        self.number += 1
        return f"{self.r.choice(['203.0.113', '198.51.100', '192.0.2', '104.71.3'])}.{1 + self.number % 250}" if self.r.random() < .2 else \
               f"{self.r.choice([45, 81, 93, 131, 185, 212])}.{self.r.randint(1, 250)}.{self.number // 250 % 250}.{1 + self.number % 250}"

    def flow(self, client, server, port, time, **more):
        return Flow(self.capture, client, server, port, time, **more)

    def result(self, *files):
        return (self.capture, self.truth, *files)


class Talk:
    """One account's connection to a server, in one of the protocols."""
    ports = {"xmpp": 5222, "irc": 6667, "oscar": 5190, "msn": 1863, "yahoo": 5050}

    def __init__(self, scene, kind, time, account=None, client=None, server=None, ticket=None, port=None, start=1000):
        r = scene.r
        self.scene, self.kind, self.r, self.count = scene, kind, r, 0
        self.client, self.server = client or scene.inside(), server or scene.outside()
        number = scene.number
        self.account = account or {"xmpp": f"user{number}@chat.example", "irc": f"user{number}", "oscar": f"user{number:07d}",
                                   "msn": f"user{number}@hotmail.example", "yahoo": f"user{number}"}[kind]
        self.ticket = ticket or r.randbytes(40).hex()
        self.flow = scene.flow(self.client, self.server, port or self.ports[kind], time, start=start)
        for way, data in getattr(self, kind)():
            time += .05
            self.flow.send(way, data, time)
        if kind in ("oscar", "msn", "yahoo"):                # whose vendors serve nobody any more
            scene.truth.incident("server", dst=self.server)

    def xmpp(self):
        user, domain = self.account.split("@")
        return [(w, t.encode()) for w, t in (
            (">", HEAD.format(f"to='{domain}'")),
            ("<", HEAD.format(f"id='s1' from='{domain}'") + f"<stream:features><bind xmlns='{BIND}'/></stream:features>"),
            (">", f"<iq id='b' type='set'><bind xmlns='{BIND}'><resource>r{self.scene.number}</resource></bind></iq>"),
            ("<", f"<iq id='b' type='result'><bind xmlns='{BIND}'><jid>{self.account}/r{self.scene.number}</jid></bind></iq>"),
            (">", "<presence/>"))]

    def irc(self):
        a = self.account
        return [(">", f"NICK {a}\r\nUSER {a} 0 * :{a}\r\n".encode()),
                ("<", f":irc.example 001 {a} :Welcome\r\n:irc.example 004 {a} irc.example ngircd-26 iosw bklm\r\n".encode())]

    def oscar(self):
        self.c, self.s = Flap(0x1200), Flap(0x3400)
        return [(w, d.replace(b"alicefromhq", self.account.encode())) for w, d in oscar_sign_on(self.c, self.s, bytes.fromhex(self.ticket) * 6)]

    def msn(self):
        a = self.account
        return [(">", lines("VER 1 MSNP12 CVR0")), ("<", lines("VER 1 MSNP12")),
                (">", lines(f"CVR 2 0x0409 winnt 5.1 i386 MSNMSGR 7.5.0324 msmsgs {a}")),
                ("<", lines("CVR 2 7.5.0324 7.5.0324 7.0.0777 http://m.example/ http://m.example/")),
                (">", lines(f"USR 3 TWN I {a}")), ("<", lines("USR 3 TWN S lc=1033,id=507,tw=40,fs=1,ru=x,ct=1,kpp=1,kv=5,ver=2.1")),
                (">", lines(f"USR 4 TWN S t={self.ticket}&p=")), ("<", lines(f"USR 4 OK {a} 1 0")),
                (">", lines("SYN 5 0 0")), ("<", lines("SYN 5 2005-04-23T18:57:44 2005-04-23T18:57:54 0 0")),
                (">", lines("CHG 6 NLN 1342177280")), ("<", lines("CHG 6 NLN 1342177280"))]

    def yahoo(self):
        a = self.account
        return [(">", ymsg(0x57, (1, a))), ("<", ymsg(0x57, (1, a), (94, "i+k^f%j/a&(h)!z"), (13, "2"), status=1)),
                (">", ymsg(0x54, (1, a), (0, a), (277, self.ticket), (278, self.ticket[:30]), (307, self.ticket[:16]), (2, a), (2, "1"), (135, "9.0.0.2162"))),
                ("<", ymsg(0x55, (1, a), (89, a), (59, "Y"), (87, "Friends:bob\n")))]

    def words(self, way, text):
        """A message on the wire."""
        self.count += 1
        a, peer = self.account, "bobelsewh"
        if self.kind == "xmpp":
            ends = f"to='{peer}@chat.example'" if way == ">" else f"from='{peer}@chat.example/pc' to='{a}/pc'"
            return f"<message {ends} type='chat'><body>{text}</body></message>".encode()
        if self.kind == "irc":
            return (f"PRIVMSG {peer} :{text}\r\n" if way == ">" else f":{peer}!u@host.example PRIVMSG {a} :{text}\r\n").encode()
        if self.kind == "oscar":
            head = b"CK%06d" % self.count + b16(1) + name8(peer)
            return self.c.snac(4, 6, head + icbm(text.encode()) + tlv(3, b""), 9) if way == ">" else \
                self.s.snac(4, 7, head + b16(0) + b16(0) + icbm(text.encode()))
        if self.kind == "msn":                               # on this connection there is presence only
            state = self.r.choice(["NLN", "BSY", "AWY"])
            return lines(f"CHG {10 + self.count} {state} 1342177280") if way == ">" else lines(f"NLN {state} {peer}@hotmail.example Bob 1342177280")
        return ymsg(0x06, (1, a), (5, peer), (97, "1"), (14, text)) if way == ">" else ymsg(0x06, (5, a), (4, peer), (97, "1"), (14, text), status=1)

    def say(self, time, way=None, text=None):
        self.flow.send(way or self.r.choice("><"), self.words(way or self.r.choice("><"), text or self.r.choice(TALK).replace("'", "")), time)

    def chat(self, time, count, pause=8):
        """`count` messages; gives the time after."""
        for _ in range(count):
            way = self.r.choice("><")
            time += 1 + self.r.expovariate(1 / pause)
            self.say(time, way)
        return time
