# SPDX-License-Identifier: Apache-2.0
"""Scenes of messages for bench/detect: outbreaks of worms, busy hours, an hour with spam, impostors and bad links, a
month of encrypted use. Each gives a capture, its truth, and files for the policy."""
import random, re, struct
from traffic import DOMAIN, FIRST, MONDAY, NINE, TALK, Capture, Flow, Irc, Office, Truth, Xmpp, bot, ordinary, people, shown


def outbreak(kind, seed, form, pause, think, falls, ordinary_too=False):
    o, t = Office(kind, seed, 500, 16), Truth()
    r, infected, sent_on = o.r, {}, set()

    def infect(time, who):
        if who in infected:
            return
        infected[who] = time
        friends = sorted(o.friends[who])
        r.shuffle(friends)
        for i, friend in enumerate(friends[:20]):
            o.at(time + i * pause * r.uniform(.8, 1.2), attack, who, friend)

    def attack(time, who, friend):
        if who != o.users[0] and who not in sent_on:
            sent_on.add(who)
            t.sent_on.append(time)
        name = re.split(r"[._@]", friend)[0]
        o.chat.say(time, who, friend, form.format(name=name, n=r.randint(1, 10**6), w="".join(r.choices("abcdefghijklmnop", k=7))))
        if friend not in infected and r.random() < falls:
            o.at(time + .5 + r.expovariate(1 / think), infect, friend)
    o.open()
    if ordinary_too:
        ordinary(o, 900)
    o.at(NINE + 120, infect, o.users[0])
    o.play()
    if len(t.sent_on) >= 10:                                 # else it has died out by itself
        t.incident("worm", origin=o.users[0])
    t.infected = set(infected)
    return o.capture, t


def busy_hour(kind, seed):
    o = Office(kind, seed, 200, 14)
    if kind is Xmpp:
        bot(o, f"alerts@{DOMAIN}", o.users[20:60])
    o.open()
    ordinary(o, 3600)
    o.play()
    return o.capture, Truth()


def disguises(host):
    """Ways to write a link to a host."""
    return [f"http://{host}/x", f"HTTP://{host.upper()}/Y?id=3", f"hxxp://{host.replace('.', '[.]')}/a", f"www.{host}", f"https://a.b.{host}:8443/q",
            f"http://{host.replace('e', '%65', 1)}/", f"{host}/login", f"http://{host[:3]}\u200b{host[3:]}/"]


def tricks(r, name):
    """A look-alike of first.last, and whether it is shown or the account."""
    first, last = name.split(".")
    ways = [name.replace("o", "0"), name.replace("m", "rn"), name.replace("a", "\u0430"), name.replace("e", "3"), name.replace("l", "1"),
            first + "." + last[:-1] + last[-1] * 2, first + "." + last[:2] + last[3] + last[2] + last[4:], name.replace("i", "1"), name.replace("s", "5")]
    ways = [w for w in ways if w != name]
    return r.choice(ways)


def strangers(seed):
    """An hour with spam, impostors and bad links among ordinary talk."""
    o, t = Office(Xmpp, seed, 200, 14), Truth()
    r, users = o.r, o.users
    bad = [f"{w}-{seed}.example" for w in ("malware", "phish", "trojan", "loader", "dropper", "stealer", "worm", "exploit")]
    files = {"bad.txt": "# hosts and URLs\n" + "\n".join(bad[:4]) + "\n" + "".join(f"0.0.0.0 {b}\n" for b in bad[4:]) +
                        "http://shared.example/users/mallory/\n",
             "ours.txt": f"my{DOMAIN}\nwww.goldman-lane.example\n",
             "people.txt": "".join(f"{shown(u)} <{u}>\n" for u in users[:100])}
    outside = [n for n in people(random.Random(seed + 1), 400) if Xmpp.account(n) not in users]
    o.at(NINE, lambda time: None)
    for i, u in enumerate(users):                            # people with a second account at home, in their friends' lists
        if i % 5 == 0:
            name = u.split("@")[0]
            home = r.choice([f"{name}@home.example", f"{name.replace('.', '_')}@mail.example", f"{name.split('.')[0]}77@mail.example"])
            for friend in sorted(o.friends[u])[:3]:
                o.extra[friend].append((home, shown(u)))
                o.say(NINE + 100 + r.random() * 3000, home, friend, r.choice(TALK), shown(u))
    o.open()
    ordinary(o, 3600)
    for k in range(12):                                      # spam from outside
        sender, time = f"win{k}{r.choice(FIRST)}@prize.example", NINE + 60 + r.random() * 600
        text = r.choice(["you have won a prize, claim it at http://prize{}.example/x", "cheap watches for you, ask me {}", "earn money from home, write to me now {}"])
        victims = r.sample(users, r.randint(8, 30))
        for v in victims:
            o.say(time, sender, v, text.format(k))
            time += r.uniform(1, 20)
        if r.random() < .5:
            o.say(time + 60, victims[0], sender, "who are you? stop it")
        t.incident("spam", **{"from": sender})
    for k in range(3):                                       # and from ours
        sender, time = users[150 + k], NINE + 200 + k * 100
        for v in r.sample([v for v in users if v not in o.friends[sender] and v != sender], 30):
            o.say(time, sender, v, f"look what I found http://deals{k}.example/offer?u={r.randint(1, 999)}")
            time += r.uniform(3, 9)
        t.incident("spam", **{"from": sender})
    for k in range(80):                                      # strangers who mean well
        sender, time = f"{outside[k]}@client.example", NINE + 60 + r.random() * 2000
        for v in r.sample(users, r.randint(1, 4)):
            o.say(time, sender, v, r.choice(TALK + ["hello, could you call me back about the offer, https://client.example/offer"]), shown(outside[k]))
            if r.random() < .7:
                o.say(time + r.uniform(20, 200), v, sender, r.choice(TALK))
            time += r.uniform(60, 300)
    names = {u: u.split("@")[0] for u in users}
    for k in range(40):                                      # impostors of a friend, or of one of the directory
        victim = users[k * 4]
        like = r.choice(sorted(o.friends[victim]) if k % 2 else [u for u in users[:100] if u != victim])
        trick = tricks(r, names[like])
        if k % 3 == 0:
            account, name = f"{trick}@mail.example", None
        else:
            account, name = f"x{k}{r.randint(10, 99)}@mail.example", " ".join(w.capitalize() for w in trick.split("."))
        o.say(NINE + 1200 + r.random() * 2000, account, victim, r.choice(["can you do me a favour?", "are you at your desk? I need the list today"]), name)
        t.incident("impersonation", account=account)
    for k in range(60):                                      # bad links
        sender, receiver = r.sample(users, 2) if k % 2 else (f"{outside[100 + k]}@client.example", r.choice(users))
        host = bad[k % len(bad)]
        if k < 40:
            link, want = r.choice(disguises(host)), host
        elif k < 45:
            link, want = "http://shared.example/users/mallory/v2/a.html", "shared.example"
        elif k < 50:
            link = want = f"203.0.113.{k}"
            link = f"http://{link}/update.exe"
        elif k < 55:
            want = f"files{k}.example"
            link = f"http://{want}/holiday{r.choice(['.jpg.exe', '.pdf.scr', '.doc%20%20.exe'])}"
        else:
            link, want = r.choice([("http://myb\u0430nk.example/login", "xn--mybnk-6ve.example"), ("http://www.go1dman-lane.example/", "go1dman"),
                                   ("https://secure.rnybank.example/x", "rnybank")])
        o.say(NINE + 100 + r.random() * 3300, sender, receiver, r.choice(["look at {}", "{}", "please open {} now!"]).format(link))
        t.incident("links", **{"from": sender, "link": want})
    for k in range(150):                                     # links that are nobody's worry
        sender, receiver = r.sample(users, 2)
        link = r.choice([f"http://not{bad[k % 8]}/x", f"https://{bad[k % 8]}.org/", "http://shared.example/users/alice/", "http://10.1.2.3/tools/setup.exe",
                         "https://dl.example/app-1.2.exe", "http://198.51.100.99/index.html", f"https://my{DOMAIN}/login", "http://online.mybank.example/x",
                         "https://cdn.example/jquery.min.js", "read photo.jpg and setup.exe", "http://www.goldman-lane.example/news"])
        o.say(NINE + 100 + r.random() * 3300, sender, receiver, f"see {link}")
    o.play()
    return o.capture, t, files


def client_hello(name):
    host = name.encode()
    sni = struct.pack("!HBH", len(host) + 3, 0, len(host)) + host
    extensions = struct.pack("!HH", 0, len(sni)) + sni + bytes.fromhex("000a00040002001d" "000d0004000204030" "02b0003020304".replace(" ", ""))
    body = b"\x03\x03" + bytes(32) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
    return b"\x16\x03\x01" + struct.pack("!HBBH", len(body) + 4, 1, 0, len(body)) + body


def month(seed):
    """Thirty days of encrypted messaging of forty people, some days of which are odd."""
    r, c, t = random.Random(seed), Capture(), Truth()
    hello = client_hello("g.whatsapp.net")

    def use(user, day, hour, size):
        time = MONDAY + day * 86400 + hour * 3600 + r.random() * 3000
        f = Flow(c, f"10.9.0.{user + 1}", "157.240.22.60", 443, time)
        f.send(">", hello, time + .01)
        f.bulk(">", int(size), time + 1)
        f.close(time + 60 + r.random() * 500)
    for user in range(40):
        scale = r.choice([.5, 1, 2, 4, 8, 30]) * 1e6
        odd = {20 + user % 9: "much"} if user % 8 == 0 else {19 + user % 8: "late"} if user % 8 == 1 else {}
        for day in range(30):
            if day % 7 >= 5 and day not in odd:
                continue
            if r.random() < .1 and day not in odd:
                continue                                     # away
            for hour in r.sample(range(8, 17), r.randint(3, 8)):
                use(user, day, hour, scale * r.lognormvariate(-1.5, .6))
            if r.random() < .15:
                use(user, day, 17, scale * .2)
            what = odd.get(day)
            if what == "much":
                use(user, day, 11, max(120e6, scale * 25))
                t.incident("volume", user=f"10.9.0.{user + 1}")
            elif what == "late":
                use(user, day, r.choice([2, 3, 23]), 4e6)
                t.incident("volume", user=f"10.9.0.{user + 1}")
    return c, t


def scenes(quick):
    """All of them; quick: a third of the outbreaks, one of each of the rest."""
    look, pics, words = ("hey {name} look http://evil.example/p.php?id={n}", "{name} is this you?? www.pics.example/img{n}.jpg",
                         "{name} I cannot believe what they wrote about you, number {n}")
    worms = [("xmpp worm, fast", Xmpp, 1, look, .3, 15, .5), ("xmpp worm, at once", Xmpp, 2, pics, .05, 1, .9),
             ("xmpp worm, patient", Xmpp, 3, look, 8, 60, .6), ("xmpp worm, words only", Xmpp, 4, words, .8, 30, .4),
             ("xmpp worm among talk", Xmpp, 5, pics, 1, 20, .5, True),
             ("xmpp worm, another page each time", Xmpp, 9, "hello {name} I put our pictures here http://evil.example/{w}", 1, 25, .5),
             ("xmpp worm, very patient", Xmpp, 10, look, 30, 120, .6), ("irc worm, fast", Irc, 6, look, .4, 20, .5),
             ("irc worm, patient", Irc, 7, pics, 6, 45, .6), ("irc worm, words only", Irc, 8, words, 1, 30, .5)]
    for k in range(12):                                      # every mixture of pace, thought and success
        worms.append((f"worm {k}", (Xmpp, Irc)[k % 2], 200 + k, look, (.1, 1, 3, 6, 12, 20)[k % 6], (1, 10, 60, 120)[k % 4], (.3, .5, .8)[k % 3]))
    for name, *how in worms[::4] if quick else worms:
        yield name, lambda: outbreak(*how)
    for seed in (11,) if quick else (11, 12, 13):
        yield f"xmpp busy hour {seed}", lambda: busy_hour(Xmpp, seed)
    yield "irc busy hour", lambda: busy_hour(Irc, 14)
    for seed in (21,) if quick else (21, 22, 23, 40):
        yield f"strangers {seed}", lambda: strangers(seed)
    for seed in (31,) if quick else (31, 32):
        yield f"a month {seed}", lambda: month(seed)
