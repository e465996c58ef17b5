# SPDX-License-Identifier: Apache-2.0
"""Real programs of the lab: servers outside (ngircd, prosody, caddy), and people who use clients (irssi in a terminal, slixmpp
by xmpp_person.py). Waiting is for what happened, never for a time."""
import hashlib, http.server, json, os, pty, signal, subprocess, threading, time
from net import A, B, NAMES, P, S, S6, sh, wait_for

IRC_PORTS = (6667, 23, 20, 25, 80, 443, 5190)
XMPP_PORTS = (5222, 8022, 25000)
WEB_PORTS = (443, 8443, 5222)


def certificate(folder, *names):
    """key.pem and cert.pem; gives the hash of the key that Chromium knows it by."""
    sh("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30", "-subj", "/CN=lab",
       "-addext", "subjectAltName=" + ",".join(f"DNS:{n}" for n in names), "-keyout", f"{folder}/key.pem", "-out", f"{folder}/cert.pem")
    os.chmod(f"{folder}/key.pem", 0o644)
    return sh("sh", "-c", f"openssl x509 -in {folder}/cert.pem -pubkey -noout | openssl pkey -pubin -outform der | "
              "openssl dgst -sha256 -binary | base64").strip()


class Servers:
    """All that serves, on the server's addresses."""

    def __init__(self, lab, page):
        self.lab, self.page = lab, page
        self.key = certificate(lab.folder, *NAMES, "jabber.example", "upload.jabber.example")
        self.irc(), self.xmpp(), self.web()
        self.uploads()
        lab.start("s", "microsocks", "-i", S, "-p", "1080")
        lab.start("s", "tinyproxy", "-d", "-c", self.write("tinyproxy.conf", f"Port 3128\nListen {S}\nMaxClients 100\nTimeout 60\n"))
        for port in (6667, 5222, 5280, 5000, 443, 8080, 1080, 3128):
            assert wait_for(lambda: lab.listens("s", port), 20), f"nothing listens on port {port}: see {lab.folder}"

    def write(self, name, text):
        path = os.path.join(self.lab.folder, name)
        with open(path, "w") as out:
            out.write(text)
        return path

    def irc(self):
        self.ngircd("s", f"{S},{S6}", IRC_PORTS)
        self.ngircd("a", A, (6667, 6700))   # people outside come to this one

    def ngircd(self, host, listen, ports):
        path = self.write(f"ngircd-{host}.conf", f"""[Global]
Name = irc.example
AdminEMail = root@irc.example
Info = lab
Listen = {listen}
Ports = {", ".join(map(str, ports))}
ServerUID = root
ServerGID = root
[Limits]
MaxPenaltyTime = 0
MaxConnectionsIP = 0
MaxNickLength = 30
[Options]
DNS = no
Ident = no
PAM = no
""")
        self.lab.start(host, "ngircd", "-n", "-f", path)

    def xmpp(self):
        folder = self.lab.folder
        os.mkdir(f"{folder}/data")
        path = self.write("prosody.cfg.lua", f"""run_as_root = true
pidfile = "{folder}/prosody.pid"
data_path = "{folder}/data"
log = {{ info = "{folder}/prosody.log" }}
modules_enabled = {{ "roster", "saslauth", "disco", "pep", "http", "private", "tls" }}
modules_disabled = {{ "s2s" }}
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
storage = {{ accounts = "internal", default = "memory" }}
c2s_interfaces = {{ "{S}", "{S6}" }}
c2s_ports = {{ {", ".join(map(str, XMPP_PORTS))} }}
http_ports = {{ 5280 }}
https_ports = {{ }}
http_interfaces = {{ "{S}" }}
proxy65_ports = {{ 5000 }}
proxy65_interfaces = {{ "{S}" }}
ssl = {{ key = "{folder}/key.pem", certificate = "{folder}/cert.pem" }}
VirtualHost "jabber.example"
Component "upload.jabber.example" "http_file_share"
    http_host = "jabber.example"
    http_external_url = "http://jabber.example:5280/"
Component "proxy.jabber.example" "proxy65"
    proxy65_address = "{S}"
Component "rooms.jabber.example" "muc"
    muc_room_locking = false
""")
        for user in ("alice", "bob", "carol", "dave"):
            sh(*self.lab.on("s", "prosodyctl", "--config", path, "register", user, "jabber.example", user))
        self.lab.start("s", "prosody", "-F", "--config", path)

    def uploads(self):
        """Takes files on port 8083 of every address, and answers with the SHA-256 of what it got."""
        class Take(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_PUT(self):
                left, got = int(self.headers["Content-Length"]), hashlib.sha256()
                while left > 0 and (data := self.rfile.read(min(left, 65536))):
                    got.update(data)
                    left -= len(data)
                if left == 0:
                    body = got.hexdigest().encode()
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
        self.lab.enter("s")
        try:
            server = http.server.ThreadingHTTPServer(("0.0.0.0", 8083), Take)
        finally:
            self.lab.leave()
        server.handle_error = lambda *_: None
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def web(self):
        """Each name on its own address: TLS and QUIC on 443, 8443 and 5222, plain on 80 and 8080. /big is BIG bytes."""
        folder = self.lab.folder
        os.mkdir(f"{folder}/www")
        self.write("www/index.html", f"<title>lab</title><p>{self.page}</p>")
        with open(f"{folder}/www/big", "wb") as out:
            for n in range(256):
                out.write((b"%08d" % n) * (1 << 16))          # 128 MiB
        sites = ""
        for name, pair in NAMES.items():
            where = " ".join(pair)
            tls = ", ".join(f"https://{name}:{port}" for port in WEB_PORTS)
            sites += f"{tls} {{\n bind {where}\n tls {folder}/cert.pem {folder}/key.pem\n import all\n}}\n"
            sites += f"http://{name}:80, http://{name}:8080 {{\n bind {where}\n import all\n}}\n"
        path = self.write("Caddyfile", f"""{{
    admin off
    auto_https off
    servers {{
        protocols h1 h2 h3
    }}
}}
(all) {{
    @up method POST PUT
    handle @up {{
        request_body {{
            max_size 1GB
        }}
        respond "taken" 200
    }}
    root * {folder}/www
    file_server
}}
{sites}""")
        self.lab.start("s", "env", f"HOME={folder}", f"XDG_DATA_HOME={folder}", "caddy", "run", "--adapter", "caddyfile", "--config", path)


class Irssi:
    """One person at irssi, in a terminal of its own; what is said to it stands in logs."""

    def __init__(self, lab, host, nick, server=S, port=6667):
        self.lab, self.nick, self.server, self.port = lab, nick, server, port
        self.home = os.path.join(lab.folder, f"irssi-{nick}")
        os.makedirs(self.home)
        with open(f"{self.home}/startup", "w") as out:
            for line in (f"set dcc_download_path {self.home}", "set dcc_autoget on", "set dcc_autoaccept_lowports on", "set dcc_autochat_masks *!*@*",
                         "set cmds_max_at_once 50", "set autolog on", "set autolog_level all", f"set autolog_path {self.home}/log-$0",
                         "set dcc_own_ip " + {"a": A, "b": B, "p": P}[host], "set server_reconnect_time -1", "set dcc_timeout 20",
                         "set log_timestamp", f"log open -noopen {self.home}/status all", f"log start {self.home}/status",
                         f"connect {'-6 ' if ':' in server else ''}{server} {port}"):
                out.write("/" + line + "\n")
        self.terminal, end = pty.openpty()
        self.shown = bytearray()
        self.process = lab.start(host, "env", "LC_ALL=C.UTF-8", "TERM=xterm", "COLUMNS=200", "irssi", f"--home={self.home}", "-n", nick,
                                 stdin=end, stdout=end)
        os.close(end)
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        try:
            while more := os.read(self.terminal, 65536):
                self.shown += more
        except OSError:
            pass

    def say(self, line):
        os.write(self.terminal, line.encode() + b"\n")
        time.sleep(0.05)

    def read(self):
        """All that its logs hold."""
        text = ""
        for name in os.listdir(self.home):
            if name.startswith("log-") or name == "status":
                text += open(os.path.join(self.home, name), errors="replace").read()
        return text

    def reads(self, text, seconds=8):
        return wait_for(lambda: text in self.read() or text.encode() in self.shown, seconds)

    def is_on(self, seconds=8):
        """Connected and welcomed."""
        return self.reads("End of MOTD", seconds) or self.reads("MOTD File is missing", 0.1) or self.reads("Welcome to the", 0.1)

    def got(self, name, content, seconds=8):
        """Has that file come, whole?"""
        path = os.path.join(self.home, name)
        return wait_for(lambda: os.path.exists(path) and open(path, "rb").read() == content, seconds)

    def part_of(self, name):
        path = os.path.join(self.home, name)
        return open(path, "rb").read() if os.path.exists(path) else b""

    def quit(self):
        try:
            self.say("/quit")
            self.process.wait(2)
        except (OSError, subprocess.TimeoutExpired):
            pass
        self.lab.end(self.process, signal.SIGKILL)
        os.close(self.terminal)


class XmppPerson:
    """One login by slixmpp: orders go in, what happens comes out, a line of JSON each."""

    def __init__(self, lab, host, user, server=S, port=5222, manner="plain"):
        self.lab = lab
        own = {"a": A, "b": B, "p": P}[host]
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "xmpp_person.py")
        self.happened = []
        self.process = lab.start(host, "/usr/bin/python3", "-u", script, user, server, str(port), manner, own, lab.folder,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, log=f"xmpp-{user}-{time.monotonic_ns()}.log")
        threading.Thread(target=self.watch, daemon=True).start()

    def watch(self):
        try:
            for line in self.process.stdout:
                self.happened.append(json.loads(line))
        except ValueError:
            pass

    def do(self, order, **more):
        try:
            self.process.stdin.write((json.dumps({"do": order, **more}) + "\n").encode())
            self.process.stdin.flush()
        except (BrokenPipeError, ValueError):
            pass

    def saw(self, what, seconds=8, **like):
        """The event, once it happened; None if it does not."""
        def find():
            return next((e for e in list(self.happened) if e["what"] == what and all(e.get(k) == v for k, v in like.items())), None)
        wait_for(find, seconds)
        return find()

    def quit(self):
        self.do("quit")
        self.lab.end(self.process, signal.SIGTERM, 2)


CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
            "--disable-component-update", "--disable-sync", "--disable-default-apps", "--disable-features=OptimizationHints,MediaRouter,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
            "--ignore-certificate-errors")


def chromium(lab, host, url, servers, *options, quic=None, load_seconds=8, screenshot=None):
    """What Chromium makes of a page: (its document, seconds taken)."""
    profile = os.path.join(lab.folder, f"profile-{time.monotonic_ns()}")
    words = [*CHROMIUM, f"--user-data-dir={profile}", f"--ignore-certificate-errors-spki-list={servers.key}",
             f"--timeout={load_seconds * 1000}"]
    words += ([f"--origin-to-force-quic-on={quic}"] if quic else ["--disable-quic"])
    words += ([f"--screenshot={screenshot}", "--window-size=900,700"] if screenshot else ["--dump-dom"])
    began = time.monotonic()
    _, said, _ = lab.run(host, "env", f"HOME={lab.folder}", *words, *options, url, seconds=load_seconds + 25)
    return said.decode(errors="replace"), time.monotonic() - began


class Purple:
    """One person of IRC at finch, that is libpurple, told what to do over D-Bus."""

    def __init__(self, lab, host, name, server=S, port=6667):
        self.lab, self.name = lab, name
        self.home = os.path.join(lab.folder, f"purple-{name}")
        os.makedirs(f"{self.home}/.purple")
        self.write("accounts.xml", f"<?xml version='1.0'?><account version='1.0'><account><protocol>prpl-irc</protocol><name>{name}@{server}</name>"
                   f"<settings><setting name='port' type='int'>{port}</setting></settings><settings ui='gnt-purple'>"
                   "<setting name='auto-login' type='bool'>1</setting></settings></account></account>")
        self.write("prefs.xml", "<?xml version='1.0'?><pref version='1' name='/'><pref name='purple'><pref name='logging'>"
                   "<pref name='log_ims' type='bool' value='1'/><pref name='format' type='string' value='txt'/></pref></pref></pref>")
        self.write("status.xml", "<?xml version='1.0'?><statuses version='1.0'><status transient='false' name='Default' created='0' lastused='0' "
                   "usage_count='0'><state>available</state></status></statuses>")
        self.address = f"unix:path={self.home}/bus"
        bus = lab.start(host, "dbus-daemon", "--session", f"--address={self.address}", "--nofork", "--nopidfile")
        wait_for(lambda: os.path.exists(f"{self.home}/bus"))
        self.terminal, end = pty.openpty()
        self.shown = bytearray()
        self.process = lab.start(host, "env", f"HOME={self.home}", f"DBUS_SESSION_BUS_ADDRESS={self.address}", "LC_ALL=C.UTF-8", "TERM=xterm",
                                 "COLUMNS=200", "LINES=50", "finch", f"--config={self.home}/.purple", stdin=end, stdout=end)
        self.bus = bus
        os.close(end)
        threading.Thread(target=self.watch, daemon=True).start()
        self.account = self.connection = 0

    def write(self, name, text):
        with open(f"{self.home}/.purple/{name}", "w") as out:
            out.write(text)

    watch = Irssi.watch

    def call(self, method, *words):
        """The first number of the answer, or None."""
        done = subprocess.run(["dbus-send", f"--bus={self.address}", "--print-reply=literal", "--dest=im.pidgin.purple.PurpleService",
                               "/im/pidgin/purple/PurpleObject", f"im.pidgin.purple.PurpleInterface.{method}", *words], capture_output=True, text=True)
        numbers = [w for w in done.stdout.split() if w.lstrip("-").isdigit()]
        return int(numbers[-1]) if done.returncode == 0 and numbers else None

    def is_on(self, seconds=8):
        def on():
            if not self.account:
                text = subprocess.run(["dbus-send", f"--bus={self.address}", "--print-reply=literal", "--dest=im.pidgin.purple.PurpleService",
                                       "/im/pidgin/purple/PurpleObject", "im.pidgin.purple.PurpleInterface.PurpleAccountsGetAll"],
                                      capture_output=True, text=True).stdout
                numbers = [w for w in text.replace("[", " ").replace("]", " ").split() if w.isdigit()]
                self.account = int(numbers[-1]) if numbers else 0
                self.call("PurpleAccountConnect", f"int32:{self.account}")
            if self.account and self.call("PurpleAccountIsConnected", f"int32:{self.account}") == 1:
                self.connection = self.call("PurpleAccountGetConnection", f"int32:{self.account}")
            return bool(self.connection)
        return wait_for(on, seconds, 0.2)

    def say(self, to, text):
        return self.call("ServSendIm", f"int32:{self.connection}", f"string:{to}", f"string:{text}", "int32:0")

    def send_file(self, to, path):
        return self.call("ServSendFile", f"int32:{self.connection}", f"string:{to}", f"string:{path}")

    def read(self):
        return "".join(open(os.path.join(d, n), errors="replace").read() for d, _, names in os.walk(f"{self.home}/.purple/logs") for n in names)

    def reads(self, text, seconds=8):
        return wait_for(lambda: text in self.read() or text.encode() in self.shown, seconds)

    def quit(self):
        self.lab.end(self.process, signal.SIGTERM, 2)
        self.lab.end(self.bus)
        os.close(self.terminal)
