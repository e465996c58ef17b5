# SPDX-License-Identifier: Apache-2.0
"""A console for checks: `imward serve` on a port of its own with SQLite or a PostgreSQL of its own, accounts of every role, and
a client that speaks to its API as the browser does (cookie, CSRF token), over TLS with the server's own certificate."""
import http.client, json, os, shutil, signal, ssl, subprocess, tempfile, threading, time, urllib.parse
from ports import free_port

ROLES = ["engineer", "compliance", "manager", "employee", "examiner", "administrator"]
PASSWORD = "correct horse battery 27"
IMWARD = os.environ.get("IMWARD", "build/imward")


def until(what, seconds):
    """Wait for something to be true; what it said last."""
    end = time.monotonic() + seconds
    while not (said := what()) and time.monotonic() < end:
        time.sleep(0.02)
    return said


def is_running(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def cpu_seconds(pids):
    """Of these processes; those that are gone count as nothing."""
    ticks = 0
    for pid in pids:
        try:
            fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
            ticks += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def process_tree(pid):
    """A process and all below it."""
    below = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid] + [p for child in below for p in process_tree(int(child))]


class Postgres:
    """A PostgreSQL cluster in a folder of its own, by a Unix socket only. It will not run as root: it is the user postgres's."""
    def __init__(self, work):
        self.bin = max((f"/usr/lib/postgresql/{v}/bin" for v in os.listdir("/usr/lib/postgresql")))
        self.dir = os.path.join(work, "postgres")
        if not os.path.isdir(self.dir): # else one that was kept
            os.mkdir(self.dir)
            os.chmod(work, 0o755)
            os.chmod(self.dir, 0o755)
            if os.getuid() == 0:
                shutil.chown(self.dir, "postgres", "postgres")
            self.run("initdb", "-D", self.dir + "/data", "-A", "trust", "-U", "imward", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        self.start()
        self.count = 0

    def start(self):
        self.run("pg_ctl", "-D", self.dir + "/data", "-w", "-l", self.dir + "/log", "-o",
                 f"-k {self.dir} -c listen_addresses='' -c max_connections=60", "start")

    def kill(self):
        """kill -9 of all its processes, as when the machine's power goes."""
        with open(self.dir + "/data/postmaster.pid") as f:
            first = int(f.readline())
        with open(f"/proc/{first}/task/{first}/children") as f:
            all = [first, *map(int, f.read().split())]
        for pid in all:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        if not until(lambda: not any(map(is_running, all)), 20):
            raise SystemExit("PostgreSQL's processes do not die")
        # The next start asks whether that process is still there, and it is for as long as nobody has waited for it.
        for lock in ("data/postmaster.pid", ".s.PGSQL.5432.lock"):
            os.unlink(os.path.join(self.dir, lock))

    def run(self, program, *arguments):
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        subprocess.run(as_user + [os.path.join(self.bin, program), *arguments], check=True, stdout=subprocess.DEVNULL, cwd="/")

    def database(self):
        self.count += 1
        name = f"console{self.count}"
        self.run("createdb", "-h", self.dir, "-U", "imward", name)
        return self.url(name)

    def url(self, name):
        return f"postgresql://imward@/{name}?host={urllib.parse.quote(self.dir, safe='')}"

    def stop(self, mode="immediate"):
        self.run("pg_ctl", "-D", self.dir + "/data", "-m", mode, "stop")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"{self.status} {self.body[:300]!r}"


class Client:
    """One browser: keeps the cookie, the CSRF token and, for each thread, a connection. `address`: where it comes from,
    of 127/8, which the server's limits go by."""
    def __init__(self, port, token=None, address="127.0.0.1"):
        self.address, self.kept = address, threading.local()
        self.port, self.cookie, self.csrf, self.token = port, None, None, token
        self.tls = ssl.create_default_context()
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE

    def ask(self, method, path, body=None, headers=None, raw=None, timeout=60):
        h = {"Accept": "application/json"}
        if self.cookie:
            h["Cookie"] = "__Host-imward=" + self.cookie
        if self.csrf and method not in ("GET", "HEAD"):
            h["X-CSRF-Token"] = self.csrf
        if self.token:
            h["Authorization"] = "Bearer " + self.token
        data = raw
        if body is not None:
            data = json.dumps(body)
            h["Content-Type"] = "application/json"
        elif raw is not None:
            h["Content-Type"] = "application/octet-stream"
        h.update(headers or {})
        target = path if path.startswith("/api") else "/api/v1" + path
        # A kept connection may have been closed by the server meanwhile: then once more, with a new one. What changes
        # something is sent once only.
        kept = getattr(self.kept, "connection", None) if method in ("GET", "HEAD") else None
        for c in [kept, None] if kept else [None]:
            new = c is None
            self.kept.connection = None
            if new:
                c = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.tls, timeout=timeout,
                                                source_address=(self.address, 0))
            else:
                c.sock.settimeout(timeout)
            try:
                c.request(method, target, data, h)
                r = c.getresponse()
                answer = Answer(r.status, r.headers, r.read())
            except OSError:
                c.close()
                if new:
                    raise
                continue
            except BaseException:
                c.close()
                raise
            if c.sock is None:
                c.close()
            else:
                self.kept.connection = c
            break
        for line in answer.headers.get_all("Set-Cookie") or []:
            name, _, value = line.split(";")[0].partition("=")
            if name == "__Host-imward":
                self.cookie = value or None
        return answer

    def get(self, path, **more):
        return self.ask("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.ask("POST", path, body, **more)

    def take(self, answer):
        if answer.status == 200:
            self.csrf = answer.json["csrf"]
        return answer

    def sign_in(self, name, password=PASSWORD, code=None):
        body = {"name": name, "password": password}
        if code:
            body["code"] = code
        return self.take(self.post("/session", body))

    def confirm(self, password=PASSWORD, code=None):
        return self.take(self.post("/session/confirm", {"password": password, **({"code": code} if code else {})}))


class Console:
    """A running server. Use as `with Console(work, url) as console:`; url None: SQLite in its data folder."""
    def __init__(self, work, database=None, options=(), port=None):
        self.work, self.database, self.options = work, database, list(options)
        self.data = os.path.join(work, "data")
        self.port = port or free_port()
        self.log = os.path.join(work, "serve.log")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [IMWARD, "serve", "--listen", f"127.0.0.1:{self.port}", "--data", self.data,
             *(["--database", self.database] if self.database else []), *self.options],
            stdout=open(self.log, "ab"), stderr=subprocess.STDOUT)
        for _ in range(300):
            try:
                if Client(self.port).get("/health", timeout=2).status == 200:
                    return self
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"the server ended with {self.process.returncode}:\n" + open(self.log).read()[-3000:])
            time.sleep(0.1)
        raise SystemExit("the server does not answer:\n" + open(self.log).read()[-3000:])

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise SystemExit("the server did not end within 20 seconds of SIGTERM")
        return self.process.returncode

    __enter__ = start

    def __exit__(self, kind, *_):
        self.stop()
        text = open(self.log, errors="replace").read()
        if kind or "AddressSanitizer" in text or "runtime error:" in text:
            print("the server's log:\n" + text[-6000:], flush=True)

    def first(self, name="root"):
        """The first administrator, without a second factor asked of anybody."""
        client = Client(self.port)
        token = open(os.path.join(self.data, "first-start")).read().strip()
        answer = client.take(client.post("/start", {"token": token, "name": name, "full_name": "First Administrator",
                                                    "password": PASSWORD, "institution": "Example Bank"}))
        if answer.status != 200:
            raise SystemExit(f"the first administrator: {answer}")
        answer = client.ask("PATCH", "/settings", {"second_factor": []})
        if answer.status != 200:
            raise SystemExit(f"the settings: {answer}")
        return client

    def people(self, admin, roles=ROLES):
        """An account of each role, signed in, by name of the role."""
        out = {}
        for role in roles:
            body = {"name": role, "full_name": role.capitalize() + " Person", "roles": [role], "password": "first " + PASSWORD}
            if role == "examiner":
                body["expires"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 30 * 86400))
            answer = admin.post("/accounts", body)
            if answer.status != 201:
                raise SystemExit(f"an account for {role}: {answer}")
            client = Client(self.port)
            answer = client.sign_in(role, "first " + PASSWORD)
            if answer.status != 200:
                raise SystemExit(f"{role} signs in: {answer}")
            if answer.json["restricted"] == "password":
                answer = client.ask("PUT", "/session/password", {"old": "first " + PASSWORD, "new": PASSWORD})
                if answer.status != 204 or client.sign_in(role).status != 200:
                    raise SystemExit(f"{role} sets a password: {answer}")
            out[role] = client
        return out


def work_folder():
    return tempfile.mkdtemp(prefix="imward-console-")
