# SPDX-License-Identifier: Apache-2.0
"""Labelled traffic for bench/detect: captures, TCP connections, an XMPP and an IRC server, people who talk, and what
is true of it all. Deterministic: every random choice comes from a seed."""
import collections, heapq, random, re, struct
from xml.sax.saxutils import escape, quoteattr

MONDAY = 1767571200          # 2026-01-05 00:00 UTC
NINE = MONDAY + 9 * 3600
DOMAIN = "bank.example"

FIRST = """alice bruno carla daniel emma fabio greta hanna ivan julia klaus laura mario nadia oscar paula quentin rosa
stefan teresa ulrich vera walter xenia yannick zoe adrian beatrice conrad diana edward fiona gerald helena ingrid jacob
katrin leonard monika norbert olivia patrick ramona sabine thomas ursula victor wanda""".split()
LAST = """abbott becker castillo dietrich engel ferrari gruber hoffmann ivanov jansen keller lindqvist martinez novak
okafor petersen quiroga romero schneider tanaka ullmann vogel wagner xanthos yilmaz zimmermann andersson bergman
costa dubois esposito fischer garcia haas iversen jovanovic krause lopez moreau nielsen olsen price richter silva""".split()


# ---- captures ----

def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def address(n):
    return bytes(map(int, n.split(".")))


class Capture:
    """Frames with their times; written in their order."""
    def __init__(self):
        self.frames, self.port = [], 20000

    def add(self, time, frame, length=None):
        self.frames.append((time, len(self.frames), frame, length or len(frame)))

    def write(self, path):
        with open(path, "wb") as out:
            out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
            for time, _, frame, length in sorted(self.frames):
                out.write(struct.pack("<IIII", int(time), int(time % 1 * 1e6), len(frame), length) + frame)


class Flow:
    """One TCP connection. ">" is from the client."""
    def __init__(self, capture, client, server, port, time, answered=True, start=1000):
        capture.port = capture.port + 1 if capture.port < 60000 else 20001
        self.capture, self.last, self.ttl = capture, time, {">": 64, "<": 57}
        self.end = {">": (address(client), capture.port), "<": (address(server), port)}
        self.seq = {">": start, "<": 5000}
        self.frame(">", 0x02, b"", time)
        if not answered:
            return
        self.seq[">"] += 1
        self.frame("<", 0x12, b"", time + .001)
        self.seq["<"] += 1
        self.frame(">", 0x10, b"", time + .002)

    def frame(self, way, flags, data, time, length=None, ahead=0, ttl=None):
        """`length`: of the data on the wire, where the capture holds less. `ahead`: of where its side is; `ttl`: not its
        side's: what others send, or is sent again."""
        other = "<" if way == ">" else ">"
        (source, sport), (target, tport) = self.end[way], self.end[other]
        ack = self.seq[other] if flags & 0x10 else 0
        tcp = struct.pack("!HHIIBBHHH", sport, tport, (self.seq[way] + ahead) & 0xffffffff, ack & 0xffffffff, 0x50, flags, 65535, 0, 0)
        size = len(data) if length is None else length
        pseudo = source + target + struct.pack("!BBH", 0, 6, 20 + size)
        tcp = tcp[:16] + struct.pack("!H", checksum(pseudo + tcp + data)) + tcp[18:]
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40 + size, 0, 0x4000, ttl or self.ttl[way], 6, 0, source, target)
        ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
        ethernet = b"\x02\0\0\0\0\1\x02\0\0\0\0\2\x08\0"
        self.capture.add(time, ethernet + ip + tcp + data, 54 + size)

    def send(self, way, data, time):
        time = max(time, self.last + 1e-5)
        for at in range(0, len(data), 1400):
            piece = data[at:at + 1400]
            self.frame(way, 0x18, piece, time)
            self.seq[way] += len(piece)
            time += 1e-5
        self.last = time

    def bulk(self, way, count, time):
        """`count` bytes of which the capture holds the headers only."""
        while count > 0:
            size = min(count, 60000)
            self.frame(way, 0x18, b"", time, size)
            self.seq[way] += size
            count, time = count - size, time + 1e-4
        self.last = time

    def close(self, time):
        time = max(time, self.last + 1e-3)
        for way in (">", "<"):
            self.frame(way, 0x11, b"", time)
            self.seq[way] += 1
            time += 1e-3
        self.frame(">", 0x10, b"", time)


class Xmpp:
    """A server without TLS, its users inside; accounts of other servers have no connection here."""
    name, port, server = "xmpp", 5222, "198.51.100.10"

    def __init__(self, capture, time):
        self.capture, self.flow, self.rooms = capture, {}, collections.defaultdict(list)
        self.opened = time

    @staticmethod
    def account(name):
        return f"{name}@{DOMAIN}"

    def login(self, account, number, contacts, time):
        """`contacts`: pairs of account and the name in the list."""
        f = Flow(self.capture, f"10.{1 + number // 65000}.{number // 250 % 250}.{1 + number % 250}", self.server, self.port, time)
        self.flow[account] = f
        head = ("<?xml version='1.0'?><stream:stream {} version='1.0' xmlns='jabber:client' "
                "xmlns:stream='http://etherx.jabber.org/streams'>")
        user = account.split("@")[0]
        items = "".join(f"<item jid={quoteattr(jid)} name={quoteattr(name)} subscription='both'/>" for jid, name in contacts)
        for step, (way, text) in enumerate([
                (">", head.format(f"to='{DOMAIN}'")),
                ("<", head.format(f"id='s{number}' from='{DOMAIN}'") + "<stream:features><bind xmlns="
                      "'urn:ietf:params:xml:ns:xmpp-bind'/></stream:features>"),
                (">", f"<iq id='b' type='set'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>pc</resource></bind></iq>"),
                ("<", f"<iq id='b' type='result'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><jid>{user}@{DOMAIN}/pc</jid></bind></iq>"),
                (">", "<iq id='r' type='get'><query xmlns='jabber:iq:roster'/></iq>"),
                ("<", f"<iq id='r' type='result' to='{account}/pc'><query xmlns='jabber:iq:roster'>{items}</query></iq>"),
                (">", "<presence/>")]):
            f.send(way, text.encode(), time + .01 * (step + 1))

    def say(self, time, sender, receiver, text, shown=None):
        body = f"<body>{escape(text)}</body>"
        nick = f"<nick xmlns='http://jabber.org/protocol/nick'>{escape(shown)}</nick>" if shown else ""
        if sender in self.flow:
            self.flow[sender].send(">", f"<message to={quoteattr(receiver)} type='chat'>{body}{nick}</message>".encode(), time)
        if receiver in self.flow:
            self.flow[receiver].send("<", f"<message from={quoteattr(sender + '/pc')} to={quoteattr(receiver + '/pc')} "
                                          f"type='chat'>{body}{nick}</message>".encode(), time + .02)

    def say_in_room(self, time, sender, room, members, text):
        jid, body = f"{room}@conference.{DOMAIN}", f"<body>{escape(text)}</body>"
        if sender in self.flow:
            self.flow[sender].send(">", f"<message to='{jid}' type='groupchat'>{body}</message>".encode(), time)
        nick = sender.split("@")[0]
        for m in members:
            if m in self.flow:
                self.flow[m].send("<", f"<message from='{jid}/{nick}' to='{m}/pc' type='groupchat'>{body}</message>".encode(), time + .02)

    def close(self, time):
        for f in self.flow.values():
            f.close(time)


class Irc(Xmpp):
    """A server without TLS. There are no contact lists that it knows of."""
    name, port, server = "irc", 6667, "198.51.100.11"

    @staticmethod
    def account(name):
        return name.replace(".", "_")[:28]

    def login(self, account, number, contacts, time):
        f = Flow(self.capture, f"10.{1 + number // 65000}.{number // 250 % 250}.{1 + number % 250}", self.server, self.port, time)
        self.flow[account] = f
        f.send(">", f"NICK {account}\r\nUSER {account} 0 * :{account}\r\n".encode(), time + .01)
        f.send("<", (f":irc.example 001 {account} :Welcome\r\n:irc.example 004 {account} irc.example ngircd-26 iosw bklm\r\n"
                     f":irc.example 376 {account} :End of MOTD\r\n").encode(), time + .02)
        f.send(">", b"JOIN #all\r\n", time + .03)
        f.send("<", f":{account}!u@10.0.0.1 JOIN :#all\r\n".encode(), time + .04)

    def say(self, time, sender, receiver, text, shown=None):
        if sender in self.flow:
            self.flow[sender].send(">", f"PRIVMSG {receiver} :{text}\r\n".encode(), time)
        if receiver in self.flow:
            self.flow[receiver].send("<", f":{sender}!u@10.0.0.1 PRIVMSG {receiver} :{text}\r\n".encode(), time + .02)

    def say_in_room(self, time, sender, room, members, text):
        if sender in self.flow:
            self.flow[sender].send(">", f"PRIVMSG #{room} :{text}\r\n".encode(), time)
        for m in members:
            if m in self.flow and m != sender:
                self.flow[m].send("<", f":{sender}!u@10.0.0.1 PRIVMSG #{room} :{text}\r\n".encode(), time + .02)


# ---- people ----

def people(r, count):
    """Different names, as first.last."""
    pairs = [(f, l) for f in FIRST for l in LAST]
    return [f"{f}.{l}" for f, l in r.sample(pairs, count)]


def shown(name):
    return " ".join(w.capitalize() for w in re.split(r"[._]", name.split("@")[0]))


class Office:
    """Users of one server, each with friends; a heap of things to say, in the order of time."""
    def __init__(self, kind, seed, count, friends):
        self.r, self.capture = random.Random(seed), Capture()
        self.chat = kind(self.capture, NINE)
        names = people(self.r, count)
        self.users = [self.chat.account(n) for n in names]
        self.friends = collections.defaultdict(set)
        for i, u in enumerate(self.users):
            near = [self.users[(i + k) % count] for k in range(1, 31)]
            for v in self.r.sample(near, min(friends // 2, len(near))) + self.r.sample(self.users, 2):
                if v != u:
                    self.friends[u].add(v)
                    self.friends[v].add(u)
        self.todo, self.count, self.extra = [], 0, collections.defaultdict(list)

    def at(self, time, what, *args):
        self.count += 1
        heapq.heappush(self.todo, (time, self.count, what, args))

    def open(self):
        for i, u in enumerate(self.users):
            contacts = [(v, shown(v)) for v in sorted(self.friends[u])] + self.extra[u]
            self.chat.login(u, i, contacts, NINE + i * .01)

    def play(self):
        time = NINE
        while self.todo:
            time, _, what, args = heapq.heappop(self.todo)
            what(time, *args)
        self.chat.close(time + 5)

    def say(self, time, sender, receiver, text, name=None):
        self.at(time, lambda t: self.chat.say(t, sender, receiver, text, name))

    def room(self, time, sender, members, text):
        self.at(time, lambda t: self.chat.say_in_room(t, sender, "all", members, text))


TALK = """are you coming to lunch?|no idea, ask the other team|yes|ok|lol|thanks!|see you at three|the printer on the second floor is broken again
can you send me the numbers for last month?|one moment please|did you get my mail?|working from home tomorrow|good point, I will change it
who has the key to the archive?|sorry, wrong window|that is what she said yesterday as well|I will be five minutes late|call me when you are back
please review the draft when you find the time|done|haha|the client wants it by friday|not today|what was the name of the form again?
is the server slow for you too?|yes, very slow since this morning|let us talk about it after the meeting|great, thank you very much""".replace("\n", "|").split("|")
JOKES = ["a horse walks into a bar and the barman says why the long face", "there are ten kinds of people, those who know binary and those who do not",
         "my wallet is like an onion, opening it makes me cry", "I told my computer I needed a break and now it will not stop sending me holiday pictures"]


def ordinary(o, seconds):
    """Busy chat of an hour, with all that looks a little like an attack."""
    r, end = o.r, NINE + seconds
    for u in o.users:                                        # dialogues, at typing speed
        time = NINE + 60 + r.random() * 600
        while time < end:
            friend, turn = r.choice(sorted(o.friends[u])), time
            for k in range(r.randint(2, 9)):
                text = r.choice(TALK)
                if r.random() < .06:
                    text = r.choice([f"https://intranet.{DOMAIN}/tickets/{r.randint(1, 9999)}", f"look at https://video.example/watch?v={r.randint(1, 5)}",
                                     f"it is in www.wiki.example/page/{r.randint(1, 50)}", "see docs.example/report.pdf and notes.txt"])
                o.say(turn, *((u, friend) if k % 2 == 0 else (friend, u)), text)
                turn += 4 + r.expovariate(1 / 8)
            time = turn + r.expovariate(1 / 400)
        if r.random() < .5:                                  # greetings
            time = NINE + 30 + r.random() * 900
            greeting = r.choice(["good morning!", "good morning everybody, how was your weekend?", "happy new year to you and your family!"])
            for friend in r.sample(sorted(o.friends[u]), min(len(o.friends[u]), r.randint(4, 20))):
                o.say(time, u, friend, greeting)
                if r.random() < .6:
                    o.say(time + r.uniform(10, 300), friend, u, r.choice(["thank you, the same to you", "morning!", "hi, good and yours?"]))
                time += r.uniform(4, 12)

    def pass_on(time, who, text, chance, had):
        for friend in r.sample(sorted(o.friends[who]), r.randint(1, 3)):
            time += r.uniform(6, 20)
            o.say(time, who, friend, text)
            if friend not in had and time < end - 400 and r.random() < chance:
                had.add(friend)
                o.at(time + r.uniform(40, 400), pass_on, friend, text, chance, had)
    for text in JOKES + ["you have to see this https://video.example/watch?v=cats", "free cake in the kitchen, https://pics.example/cake.jpg"]:
        start = r.choice(o.users)
        o.at(NINE + r.random() * seconds / 2, pass_on, start, text, .6, {start})
    for k in range(8):                                       # a meeting link, pasted to some
        boss, time = r.choice(o.users), NINE + r.random() * (seconds - 60)
        for friend in r.sample(sorted(o.friends[boss]), min(len(o.friends[boss]), r.randint(4, 7))):
            o.say(time, boss, friend, f"please join https://meet.example/j/{100000 + k}")
            time += r.uniform(1.5, 4)
            if r.random() < .3:
                o.say(time + r.uniform(15, 60), friend, r.choice(sorted(o.friends[friend])), f"we are in https://meet.example/j/{100000 + k}")
    for k in range(12):                                      # announcements and small talk in the room
        o.room(NINE + 100 + k * 280, o.users[0], o.users, f"reminder {k}: fill in your time sheet, https://intranet.{DOMAIN}/time")
        for _ in range(10):
            o.room(NINE + 100 + k * 280 + r.uniform(5, 60), r.choice(o.users), o.users[:60], r.choice(["lol", "hi", "+1", "thanks"]))


def bot(o, name, subscribers):
    """Tells people directly, at a machine's pace; they have it in their lists."""
    for u in subscribers:
        o.extra[u].append((name, "Alerts"))
    for k in range(6):
        for i, u in enumerate(subscribers):
            o.say(NINE + 300 + k * 500 + i * .05, name, u, f"job {k} failed on host {k * 7}, see https://ci.example/run/{'abcdef'[k]}/log")


# ---- what is true ----

class Truth:
    """Incidents as (detector, what an alert must hold): members of its evidence, `src` and `dst` the flow's ends."""
    def __init__(self):
        self.incidents, self.infected, self.sent_on = [], set(), []
        self.consequences = []                               # alerts that follow, but nobody asks for
        self.options, self.kinds = [], {}                    # of imward read; of leaks: (sender, receiver, what) by kind

    def incident(self, detector, **evidence):
        if (detector, evidence) not in self.incidents:
            self.incidents.append((detector, evidence))

    def follows(self, detector, **evidence):
        self.consequences.append((detector, evidence))
