# SPDX-License-Identifier: Apache-2.0
"""Scenes of connections for bench/detect: sessions taken over, floods, servers of closed services, ports, hiding, direct
legs; and of each what looks like it and is none. Numbers and times are drawn from ranges that an attacker, or a
harmless program, may well choose, and not from what the detectors ask for."""
import base64, struct
from talk import HEAD, Scene, Talk
from traffic import NINE, TALK, address
from gone import CLIENT_TLVS, Flap, b16, l32, name8, oft_head, tlv


# ---- hijack ----

def hijack(seed, each):
    s = Scene(seed)
    r, t = s.r, s.truth
    texts = ["send the 40,000 to account 8812 instead please", "my new address is http://203.0.113.9/login", "ok, do it", "QUIT"]

    def foreign_ttl():
        return r.choice([32, 64, 128, 255]) - r.randint(3, 25)

    def begin(kinds=("irc", "xmpp", "oscar", "msn")):
        talk = Talk(s, r.choice(kinds), NINE + r.random() * 3600)
        return talk, talk.chat(talk.flow.last, r.randint(3, 40))

    def end(talk, time):
        talk.flow.close(talk.chat(time, r.randint(1, 15)) + 2)

    def injected(after):
        talk, time = begin()
        way = r.choice("><")
        forged, true = talk.words(way, r.choice(texts)), talk.words(way, r.choice(TALK).replace("'", ""))
        ttl = foreign_ttl() if r.random() < .7 else None
        if after:
            talk.flow.send(way, true, time)
            talk.flow.frame(way, 0x18, forged[:len(true)], time + r.uniform(.001, .5), ahead=-len(true), ttl=ttl)
        else:
            talk.flow.frame(way, 0x18, forged, time, ttl=ttl)
            time += r.uniform(.01, 5)
            talk.flow.send(way, true, time)
        end(talk, time)
        t.incident("hijack", src=talk.client)

    def never_repeated():                                    # the true sender says nothing more: nothing differs
        talk, time = begin()
        talk.flow.frame(">", 0x18, talk.words(">", r.choice(texts)), time, ttl=foreign_ttl())
        t.incident("hijack", src=talk.client)

    def blind(fast):
        talk, time = begin(("irc", "xmpp"))
        for _ in range(r.randint(100, 400) if fast else r.randint(10, 60)):
            talk.flow.frame(">", r.choice([0x18, 0x04]), talk.words(">", r.choice(texts)), time, ahead=r.randrange(1 << 32), ttl=foreign_ttl())
            time += r.uniform(.001, .01) if fast else r.uniform(.2, 6)
            if not fast:
                talk.say(time)
        end(talk, time)
        t.incident("hijack", src=talk.client)

    def torn():                                              # a forged reset, then bytes of the same hand
        talk, time = begin()
        way, ttl = r.choice("><"), foreign_ttl()
        talk.chat(time, 14, 1)
        for _ in range(14):
            talk.say(talk.flow.last + 1, way)
        time = talk.flow.last + 1
        talk.flow.frame(way, 0x14, b"", time, ttl=ttl)
        talk.flow.frame(way, 0x18, talk.words(way, r.choice(texts)), time + .2, ahead=r.choice([30 << 20, 200 << 20]), ttl=ttl)
        time += r.uniform(1, 20)
        talk.say(time, way)
        end(talk, time)
        t.incident("hijack", src=talk.client)

    def stolen(kind):
        owner = Talk(s, kind, NINE + r.random() * 1800)
        time = owner.chat(owner.flow.last, r.randint(2, 10))
        thief = s.inside() if r.random() < .5 else s.outside()
        other = Talk(s, kind, time + r.uniform(5, 7200), owner.account, thief, owner.server, owner.ticket)
        owner.flow.close(time + 1)
        other.flow.close(other.chat(other.flow.last, 3) + 1)
        t.incident("hijack", src=thief)

    def two_places():
        kind = r.choice(["msn", "yahoo", "oscar"])
        older = Talk(s, kind, NINE + r.random() * 1800)
        time = older.chat(older.flow.last, 4)
        newer = Talk(s, kind, time, older.account, None, older.server)
        until = time + r.uniform(20, 1800)                   # both are used by turns until then
        while time < until:
            time += r.uniform(5, 60)
            r.choice([older, newer]).say(time)
        older.say(time + 1)
        newer.say(time + 2)
        t.incident("hijack", account=older.account)

    def shared():
        first = Talk(s, "xmpp", NINE + r.random() * 1800)
        talks = [first] + [Talk(s, "xmpp", first.flow.last + r.uniform(10, 900), first.account, None, first.server) for _ in range(r.randint(4, 9))]
        for talk in talks:
            talk.chat(first.flow.last + 900, 4, 60)
        t.incident("hijack", account=first.account)

    # ---- what is none ----

    def other_pieces():
        talk, time = begin()
        for _ in range(r.randint(1, 6)):
            way = r.choice("><")
            data = talk.words(way, r.choice(TALK).replace("'", "") * 2)
            talk.flow.send(way, data, time)
            cut = r.randint(1, len(data) - 1)
            for at, piece in ((0, data[:cut]), (cut, data[cut:])):
                talk.flow.frame(way, 0x18, piece, time + r.uniform(.2, 1), ahead=at - len(data))
            time += 5
        end(talk, time)

    def keep_alive():
        talk, time = begin()
        for _ in range(r.randint(3, 30)):
            way = r.choice("><")
            talk.flow.frame(way, 0x10, b"\0" if r.random() < .5 else b"", time, ahead=-1, ttl=r.choice([None, None, 60]))
            time += r.uniform(10, 75)
        end(talk, time)

    def route():
        talk, time = begin()
        for _ in range(r.randint(1, 3)):
            talk.flow.ttl[r.choice("><")] += r.choice([-3, -2, -1, 1, 2, 3])
            time = talk.chat(time, r.randint(5, 30))
        end(talk, time)

    def many_ways():
        talk, time = begin()
        for _ in range(r.randint(20, 60)):
            talk.flow.ttl["<"] = r.choice([57, 55, 54])
            time += 2
            talk.say(time)
        end(talk, time)

    def lost():
        talk, time = begin()
        for _ in range(r.randint(1, 4)):
            talk.flow.seq[r.choice("><")] += r.choice([200, 1460, 9000, 500000, 3 << 20, 40 << 20])
            time = talk.chat(time, r.randint(4, 8))
        end(talk, time)

    def seen_twice():
        talk, time = begin()
        mine = len(s.capture.frames)
        end(talk, time)
        for at, _, frame, length in s.capture.frames[mine:]:
            s.capture.add(at + .00002, frame[:22] + bytes([frame[22] - 1]) + frame[23:], length)   # behind one router more

    def devices():
        first = Talk(s, "xmpp", NINE + r.random() * 1800)
        for _ in range(r.randint(1, 2)):
            other = Talk(s, "xmpp", first.flow.last + r.uniform(1, 600), first.account, None, first.server)
            other.chat(other.flow.last, 10)
        first.chat(first.flow.last + 600, 10)

    def signed_off():
        kind = r.choice(["msn", "yahoo"])
        older = Talk(s, kind, NINE + r.random() * 1800)
        time = older.chat(older.flow.last, 4)
        newer = Talk(s, kind, time, older.account, None, older.server)
        older.flow.close(time + r.uniform(.5, 15))
        newer.chat(newer.flow.last, 20)

    def moved():                                             # to another address, where it signs in anew; the old one is mute
        kind = r.choice(["msn", "yahoo", "oscar", "irc", "xmpp"])
        older = Talk(s, kind, NINE + r.random() * 1800)
        time = older.chat(older.flow.last, 4)
        newer = Talk(s, kind, time + r.uniform(5, 600), older.account, None, older.server)
        newer.chat(newer.flow.last, 20)

    def again():
        older = Talk(s, r.choice(["msn", "oscar"]), NINE + r.random() * 1800)
        older.flow.close(older.flow.last + 60)
        for n in range(r.randint(1, 4)):
            time = older.flow.last + 100 + n * 300
            Talk(s, older.kind, time, older.account, older.client, older.server, older.ticket).chat(time + 100, 3)

    def both_sides_of_nat():
        talk = Talk(s, r.choice(["msn", "oscar"]), NINE + r.random() * 1800)
        talk.chat(talk.flow.last, 3)
        public, mine = s.outside(), [f for f in s.capture.frames if address(talk.client) in (f[2][26:30], f[2][30:34])]
        for at, _, frame, length in mine:
            s.capture.add(at + .0004, frame.replace(address(talk.client), address(public)), length)

    def boxed():                                             # a firewall ends it in the name of both
        talk, time = begin()
        for way in "><":
            talk.flow.frame(way, 0x14, b"", time, ttl=62)
        talk.flow.frame(">", 0x18, talk.words(">", "hello?"), time + r.uniform(.001, .4))

    def same_nick():
        first = Talk(s, "irc", NINE + r.random() * 1800)
        other = Talk(s, "irc", first.flow.last, first.account)
        for talk in (first, other):
            talk.chat(first.flow.last, 20, 30)

    def wrapped():
        talk = Talk(s, r.choice(["irc", "xmpp"]), NINE + r.random() * 1800, start=(1 << 32) - r.randint(10, 2000))
        end(talk, talk.chat(talk.flow.last, 30))

    def carried_ticket():                                    # a laptop from cable to radio, with the ticket that it has
        older = Talk(s, "msn", NINE + r.random() * 1800)
        older.flow.close(older.chat(older.flow.last, 4))
        Talk(s, "msn", older.flow.last + r.uniform(20, 3600), older.account, None, older.server, older.ticket)

    attacks = [lambda: injected(False), lambda: injected(True), lambda: blind(False), lambda: blind(True), torn,
               lambda: stolen("oscar"), lambda: stolen("msn"), two_places, shared]
    harmless = [other_pieces, keep_alive, route, many_ways, lost, seen_twice, devices, signed_off, moved, again, both_sides_of_nat, boxed,
                same_nick, wrapped]
    for what in attacks + harmless:
        for _ in range(each):
            what()
    never_repeated()
    carried_ticket()
    return s.result()


# ---- flood ----

def flood(seed, each):
    s = Scene(seed)
    r, t = s.r, s.truth

    def fair(low, high):
        """Log-uniform: each size of things is as likely."""
        return low * (high / low) ** r.random()

    def sender():
        talk = Talk(s, r.choice(["irc", "xmpp", "oscar"]), NINE + r.random() * 3000)
        rate, time = fair(90, 3000), talk.flow.last
        for k in range(min(int(rate * r.uniform(1, 3)), 2000)):
            talk.say(time + k * 60 / rate, ">", f"{r.choice(['buy now', 'you lose', 'x' * 40])} {k}")
        t.incident("flood", src=talk.client)

    def receiver():
        talk = Talk(s, "xmpp", NINE + r.random() * 3000)
        rate, time, people = fair(150, 3000), talk.flow.last, r.randint(3, 40)
        for k in range(min(int(rate * r.uniform(1, 2)), 2000)):
            talk.flow.send("<", (f"<message from='bot{r.randrange(people)}@far.example/x' to='{talk.account}/pc' type='chat'>"
                                 f"<body>{r.choice(TALK)} {k}</body></message>").encode(), time + k * 60 / rate)
        t.incident("flood", src=talk.client)

    def guessing():
        client, server, time, number = s.inside() if r.random() < .5 else s.outside(), s.outside(), NINE + r.random() * 3000, str(r.randint(10**8, 10**9))
        count = int(fair(15, 300))
        for k in range(count):
            c, d = Flap(0x2500), Flap(0x4800)
            f = s.flow(client, server, 5190, time + k * r.uniform(.7, 1) * 280 / count)
            f.send("<", d(1, b"\0\0\0\1"), f.last + .02)
            words = tlv(1, number) + tlv(2, r.randbytes(8)) + tlv(3, "ICQ Inc. - Product of ICQ (TM).2003a.5.45.1.3777.85") + CLIENT_TLVS
            f.send(">", c(1, b"\0\0\0\1" + words), f.last + .02)
            f.send("<", d(4, tlv(1, number) + tlv(4, "http://icq.example") + tlv(8, b16(5))), f.last + .02)
            f.close(f.last)
        t.incident("flood", src=client)
        t.incident("server", dst=server)

    def sign_in(client, server, time, user):
        f = s.flow(client, server, 5222, time)
        for way, text in ((">", HEAD.format("to='chat.example'")),
                          ("<", HEAD.format("id='a' from='chat.example'") + "<stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>"
                           "<mechanism>PLAIN</mechanism></mechanisms></stream:features>"),
                          (">", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
                           base64.b64encode(f"\0{user}\0Spring2026".encode()).decode() + "</auth>"),
                          ("<", "<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>")):
            f.send(way, text.encode(), f.last + .02)
        f.close(f.last)

    def spraying(secret):
        """`secret`: over XMPP, where no account is told before it is let in."""
        client, server, time, count = s.outside(), s.inside(), NINE + r.random() * 3000, int(fair(15, 200))
        for k in range(count):
            if secret:
                sign_in(client, server, time + k * 280 / count, f"name{k}")
            else:
                f = s.flow(client, server, 6667, time + k * 280 / count)
                f.send(">", f"PASS Spring2026\r\nNICK name{k}\r\nUSER name{k} 0 * :n\r\n".encode(), f.last + .02)
                f.send("<", b":irc.example 464 name%d :Password incorrect\r\nERROR :Closing link\r\n" % k, f.last + .02)
                f.close(f.last)
        t.incident("flood", src=client)

    def malformed():
        talk = Talk(s, r.choice(["oscar", "irc"]), NINE + r.random() * 3000)
        time, count = talk.flow.last, int(fair(15, 400))
        for k in range(count):
            time += r.uniform(.5, 1) * 55 / count
            if talk.kind == "oscar":
                talk.flow.send(">", b"A" * r.randint(20, 400), time)
                talk.say(time, ">")
            else:
                talk.flow.send(">", b"PRIVMSG bob :" + b"A" * r.randint(20000, 30000) + b"\r\n", time)
        t.incident("flood", src=talk.client)

    def connections():
        client, server, time, count = s.inside() if r.random() < .5 else s.outside(), s.outside(), NINE + r.random() * 3000, int(fair(150, 1500))
        for k in range(count):
            f = s.flow(client, server, 6667, time + k * 60 / count)
            f.send(">", b"NICK n%d\r\nUSER n%d 0 * :n\r\n" % (k, k), f.last + .01)
            f.send("<", b":irc.example 001 n%d :Welcome\r\n:irc.example 433 * n%d :Nickname is already in use\r\n" % (k, k), f.last + .01)
            f.close(f.last)
        t.incident("flood", src=client)

    # ---- what is none ----

    def paste():
        talk = Talk(s, r.choice(["irc", "xmpp"]), NINE + r.random() * 3000)
        count = r.randint(15, 80)
        for k in range(count):
            talk.say(talk.flow.last + r.uniform(.01, 60 / count), ">", f"line {k} of the log: {r.choice(TALK)}".replace("'", ""))

    def busy_channel():
        talk = Talk(s, "irc", NINE + r.random() * 3000)
        talk.flow.send(">", b"JOIN #talk\r\n", talk.flow.last + .1)
        time, rate = talk.flow.last, r.randint(300, 1200)
        for k in range(rate * 2):
            talk.flow.send("<", f":n{r.randrange(200)}!u@h.example PRIVMSG #talk :{r.choice(TALK)}\r\n".encode(), time + k * 60 / rate)

    def history():
        talk = Talk(s, "xmpp", NINE + r.random() * 3000)
        for k in range(r.randint(150, 500)):
            talk.flow.send("<", (f"<message from='bob@chat.example/pc' to='{talk.account}/pc' type='chat'><body>{r.choice(TALK)}</body>"
                                 f"<delay xmlns='urn:xmpp:delay' stamp='2026-01-04T{10 + k % 10}:00:00Z'/></message>").encode(), talk.flow.last + .005)

    def office():                                            # at nine, behind one address
        client, server, count = s.inside(), s.outside(), r.randint(30, 90)
        for k in range(count):
            talk = Talk(s, "xmpp", NINE + r.random() * 250, f"person{k}@{client}.example", client, server)
            talk.chat(talk.flow.last, 2)

    def returning():                                         # a program that lost its connection
        talk = Talk(s, r.choice(["xmpp", "irc"]), NINE + r.random() * 2000)
        pause = r.uniform(20, 60)
        for k in range(r.randint(5, 20)):
            Talk(s, talk.kind, talk.flow.last + (k + 1) * pause, talk.account, talk.client, talk.server).flow.close(talk.flow.last + (k + 1) * pause + 3)

    def strange():
        talk = Talk(s, "oscar", NINE + r.random() * 3000)
        for _ in range(r.randint(1, 5)):
            talk.flow.send("<", r.randbytes(30), talk.flow.last + r.uniform(1, 20))
            talk.say(talk.flow.last + 1, "<")

    def scanned():
        client, server = s.inside(), s.outside()
        for k in range(300):
            s.flow(client, server, r.choice([6667, 5222, 5190]), NINE + r.random() * 60, answered=False)
    for what in (sender, receiver, guessing, lambda: spraying(True), lambda: spraying(False), malformed, connections,
                 paste, busy_channel, history, office, returning, strange, scanned):
        for _ in range(each):
            what()
    return s.result()


# ---- server, port-agility, evasion, exposed ----

def hello(name, extra=b""):
    host = name.encode()
    names = struct.pack("!HBH", len(host) + 3, 0, len(host)) + host
    extensions = struct.pack("!HH", 0, len(names)) + names + bytes.fromhex("000a00040002001d000d000400020403002b0003020304") + extra
    body = b"\x03\x03" + bytes(range(32)) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
    return b"\x16\x03\x01" + struct.pack("!HBBH", len(body) + 4, 1, 0, len(body)) + body


ECH = struct.pack("!HH", 0xfe0d, 60) + b"\0\0\1\0\1\7\0\x20" + bytes(52)


def telegram(r):
    """The client's first bytes and the server's, by the intermediate framing."""
    def message(size):
        return l32(size) + r.randbytes(size)
    return [(">", b"\xee\xee\xee\xee" + message(24 + 16 * r.randint(3, 20))), ("<", message(24 + 16 * r.randint(3, 20))),
            (">", message(24 + 16 * 5)), ("<", message(24 + 16 * 9))]


def play(f, steps):
    for way, data in steps:
        f.send(way, data, f.last + .05)
    f.close(f.last + 1)


def ports_and_servers(seed, each):
    s = Scene(seed)
    r, t = s.r, s.truth
    let_through = [20, 21, 23, 25, 53, 80, 110, 143, 443, 8080, 8443, 3128, 1080]

    def when():
        return NINE + r.random() * 3000

    def own_port():
        talk = Talk(s, r.choice(["irc", "xmpp", "oscar", "msn", "yahoo"]), when())
        talk.chat(talk.flow.last, 4)

    def other_port():                                        # one server elsewhere
        port = r.choice(let_through + [r.randint(1024, 60000)])
        talk = Talk(s, r.choice(["irc", "xmpp"]), when(), port=port)
        talk.chat(talk.flow.last, 4)
        t.incident("port-agility", src=talk.client)

    def hopping():                                           # the vendor's own port is closed, then others in turn
        kind, time, client, server = r.choice(["oscar", "msn", "irc", "yahoo"]), when(), s.inside(), s.outside()
        for port in [Talk.ports[kind]] * (r.random() < .7) + r.sample(let_through, r.randint(2, 6)):
            Talk(s, kind, time, f"hop{s.number:08d}" if kind == "oscar" else f"hop{s.number}", client, server, port=port).flow.close(time + 2)
            time += fair_pause(r)
        t.incident("port-agility", src=client, kind=5401)
        t.follows("port-agility", src=client, kind=5400)

    def fair_pause(r):
        return 2 * 150 ** r.random()                         # 2 seconds to 5 minutes

    def telegram_at(server, ours):
        f = s.flow(s.inside(), server, r.choice([443, 80, 5222]), when())
        play(f, telegram(r))
        if ours:
            t.incident("server", dst=server)

    def encrypted():                                         # TLS of an IM on its port, and of anything on another
        for name, port in (("g.whatsapp.net", 443), ("chat.signal.org", 443), ("admin.vendor.example", 8443), ("shop.example", 4443)):
            f = s.flow(s.inside(), s.outside(), port, when())
            f.send(">", hello(name), f.last + .01)
            f.send("<", b"\x16\x03\x03\0\x40" + r.randbytes(64), f.last + .05)
            f.bulk("<", 5000, f.last + .1)
            f.close(f.last + 1)

    def usual_ports():
        for kind, port in (("irc", 6697), ("irc", 7000), ("xmpp", 5223), ("irc", 6665)):
            Talk(s, kind, when(), port=port).flow.close(NINE + 3600)

    def no_answer():
        for _ in range(4):
            s.flow(s.inside(), s.outside(), r.choice([5190, 1863, 23]), when(), answered=False)

    def web():
        f = s.flow(s.inside(), s.outside(), r.choice([80, 8080, 8000]), when())
        play(f, [(">", b"GET /index.html HTTP/1.1\r\nHost: news.example\r\n\r\n"), ("<", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello")])
    for _ in range(each):
        for what in (own_port, other_port, hopping, encrypted, usual_ports, no_answer, web):
            what()
        telegram_at(f"{r.choice([45, 81, 93])}.{r.randint(1, 250)}.{r.randint(1, 250)}.9", True)
        telegram_at(r.choice([f"149.154.{r.randint(160, 175)}.{r.randint(1, 250)}", f"91.108.{r.choice([4, 8, 12, 16, 56])}.{r.randint(1, 250)}"]), False)
    return s.result()


def hiding(seed, each):
    s = Scene(seed)
    r, t = s.r, s.truth
    t.options = ["--all-flows"]

    def tls(client, name, time, server=None, extra=b""):
        f = s.flow(client, server or s.outside(), 443, time)
        f.send(">", hello(name, extra), f.last + .01)
        f.send("<", b"\x16\x03\x03\0\x40" + r.randbytes(64), f.last + .05)
        f.bulk("<", 5000, f.last + .1)
        f.close(f.last + 1)

    def doh(client, time):
        tls(client, r.choice(["dns.google", "cloudflare-dns.com", "dns.quad9.net"]), time)

    def ech(client, time):
        tls(client, "cloudflare-ech.com", time, extra=ECH)

    def browse(client, since, until):
        while since < until:
            tls(client, f"www{r.randint(1, 99)}.shop.example", since)
            since += r.uniform(60, 600)

    def turned():
        client, time = s.inside(), NINE + r.random() * 1200
        browse(client, time, time + 7000)
        talk = Talk(s, "xmpp", time + 5, client=client)
        time = talk.chat(talk.flow.last, 10, r.uniform(20, 600))
        talk.flow.close(time)
        for hide in r.sample([doh, ech], 2):
            time += 5 * 600 ** r.random()                    # 5 seconds to 50 minutes
            hide(client, time)
        t.incident("evasion", src=client)

    def proxied(inside):
        client, server, target = s.inside(), s.inside() if inside else s.outside(), s.outside()
        kind, port = r.choice([("irc", 6667), ("xmpp", 5222)]), r.choice([1080, 3128, 8080])
        f = s.flow(client, server, port, NINE + r.random() * 3000)
        if r.random() < .5:
            f.send(">", b"\5\1\0", f.last + .01)
            f.send("<", b"\5\0", f.last + .01)
            f.send(">", b"\5\1\0\1" + address(target) + struct.pack("!H", kind[1]), f.last + .01)
            f.send("<", b"\5\0\0\1" + address(target) + struct.pack("!H", kind[1]), f.last + .01)
        else:
            f.send(">", f"CONNECT {target}:{kind[1]} HTTP/1.1\r\nHost: {target}:{kind[1]}\r\n\r\n".encode(), f.last + .01)
            f.send("<", b"HTTP/1.1 200 Connection established\r\n\r\n", f.last + .01)
        talk = Talk.__new__(Talk)
        talk.scene, talk.kind, talk.r, talk.count, talk.ticket = s, kind[0], r, 0, ""
        talk.account = f"u{s.number}" + ("@chat.example" if kind[0] == "xmpp" else "")
        play(f, getattr(talk, kind[0])())
        t.follows("port-agility", src=client)                # a proxy's port is none of the service's, of course
        if not inside:
            t.incident("evasion", src=client)

    def fronted():                                           # asked of a proxy by one name, inside by another
        client, proxy = s.inside(), s.outside()
        f = s.flow(client, proxy, r.choice([3128, 8080]), NINE + r.random() * 3000)
        f.send(">", b"CONNECT cdn.shop.example:80 HTTP/1.1\r\nHost: cdn.shop.example:80\r\n\r\n", f.last + .01)
        f.send("<", b"HTTP/1.1 200 Connection established\r\n\r\n", f.last + .01)
        play(f, [(">", b"GET /v1/x HTTP/1.1\r\nHost: web.whatsapp.com\r\n\r\n"), ("<", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")])
        t.incident("evasion", src=client)
        t.follows("port-agility", src=client)

    def browser():                                           # hides names from the morning on, and chats
        client, time = s.inside(), NINE + r.random() * 600
        for k in range(r.randint(4, 12)):
            doh(client, time + k * 700)
            ech(client, time + k * 700 + 30)
        talk = Talk(s, "xmpp", time + 100, client=client)
        talk.chat(talk.flow.last, 20, 60)

    def newcomer():                                          # begins its day with everything at once
        client, time = s.inside(), NINE + r.random() * 3000
        talk = Talk(s, "xmpp", time, client=client)
        talk.flow.close(talk.chat(talk.flow.last, 3))
        doh(client, time + r.uniform(30, 900))
        ech(client, time + r.uniform(30, 900))

    def one_of_two():
        client, time = s.inside(), NINE + r.random() * 600
        browse(client, time, time + 3000)
        talk = Talk(s, "xmpp", time + 5, client=client)
        talk.flow.close(talk.chat(talk.flow.last, 10, 200))
        hide = r.choice([doh, ech])
        for k in range(5):
            hide(client, talk.flow.last + 300 + k * 60)
    for _ in range(each):
        turned(), proxied(False), proxied(True), fronted(), browser(), newcomer(), one_of_two()
    return s.result()


def direct(seed, each):
    """Files and chats that go past the server."""
    s = Scene(seed)
    r, t = s.r, s.truth

    def number(ip):
        return struct.unpack("!I", address(ip))[0]

    def dcc(sender, receiver, answered=True, offered_to=None):
        """`sender` offers over IRC, `receiver` comes to fetch; the sensor sees the IRC of whoever is inside."""
        inner_sends = sender.startswith("10.")
        mine = sender if inner_sends else receiver
        talk, port = Talk(s, "irc", NINE + r.random() * 3000, client=mine), r.randint(1024, 60000)
        data = r.randbytes(r.randint(200, 60000))
        offer = f"\1DCC SEND {r.choice(['minutes.txt', 'report.pdf', 'photo.jpg'])} {number(sender)} {port} {len(data)}\1"
        talk.flow.send(">" if inner_sends else "<", talk.words(">" if inner_sends else "<", offer), talk.flow.last + 1)
        if inner_sends and not talk.server.startswith("10."):
            t.incident("exposed", src=mine, kind=5802)
        f = s.flow(receiver, sender, port, talk.flow.last + 2, answered=answered)
        if answered:
            f.send("<", data, f.last + .1)
            f.send(">", struct.pack("!I", len(data)), f.last + .01)
            f.close(f.last + .5)
        if answered and sender.startswith("10.") != receiver.startswith("10."):
            t.incident("exposed", src=receiver, dst=sender)

    def oft():
        inner, outer, cookie = s.inside(), s.outside(), r.randbytes(8)
        talk, port = Talk(s, "oscar", NINE + r.random() * 3000, client=inner), r.randint(1024, 60000)
        data, name = r.randbytes(3000), b"plan.doc"
        proposal = (b16(0) + cookie + bytes.fromhex("094613434c7f11d18222444553540000") + tlv(0x0a, b16(1)) + tlv(0x0f, b"") + tlv(3, address(inner)) +
                    tlv(5, b16(port)) + tlv(0x2711, b16(1) + b16(1) + struct.pack("!I", len(data)) + name + b"\0") + tlv(0x2712, "us-ascii"))
        talk.flow.send(">", talk.c.snac(4, 6, cookie + b16(2) + name8("bobelsewh") + tlv(5, proposal) + tlv(3, b""), 10), talk.flow.last + 1)
        t.incident("exposed", src=inner, kind=5802)
        f = s.flow(outer, inner, port, talk.flow.last + 2)
        play(f, [("<", oft_head(0x0101, name, len(data), bytes(8))), (">", oft_head(0x0202, name, len(data), cookie)), ("<", data),
                 (">", oft_head(0x0204, name, len(data), cookie, len(data)))])
        t.incident("exposed", src=outer, dst=inner)

    def through_server():
        talk = Talk(s, "xmpp", NINE + r.random() * 3000)
        talk.chat(talk.flow.last, 5)

    def something_else():                                    # a connection from outside that nobody announced
        f = s.flow(s.outside(), s.inside(), r.choice([25, 443, 8080, 22]), NINE + r.random() * 3000)
        play(f, [(">", r.randbytes(40)), ("<", r.randbytes(900))])
    for _ in range(each):
        dcc(s.inside(), s.outside())
        dcc(s.outside(), s.inside())
        oft()
        dcc(s.outside(), s.inside(), answered=False)
        through_server()
        something_else()
    inside = Talk(s, "irc", NINE, server=s.inside())         # all of it at home: no address of ours goes out
    for _ in range(each):
        a, b, port = s.inside(), s.inside(), r.randint(1024, 60000)
        talk = Talk(s, "irc", NINE + r.random() * 3000, client=a, server=inside.server)
        talk.flow.send(">", talk.words(">", f"\1DCC SEND notes.txt {number(a)} {port} 2000\1"), talk.flow.last + 1)
        f = s.flow(b, a, port, talk.flow.last + 1)
        play(f, [("<", r.randbytes(2000)), (">", struct.pack("!I", 2000))])
    return s.result()
