# SPDX-License-Identifier: Apache-2.0
"""`imward gateway` in the lab's middle, and what its tests assert: what works, works to the byte; what is blocked does not, and
the taps prove that nothing of it came out; and there is an event that says by which rule."""
import contextlib, json, os, pwd, signal, socket, subprocess, sys, time
import plays
from net import A, A6, B, B6, Tap, libc, sh, wait_for

IMWARD = os.path.abspath(os.environ.get("IMWARD", "build/imward"))
PEOPLE = f"""user,addresses,acknowledged,trained_until,groups
adams,{A} {A6} 10.77.0.2,2026-11,2099-06-30,desk
baker,{B} {B6},,2020-01-31,
"""
HEAD = "version: 1\nedition: \"2026-11\"\npeople: people.csv\n"


def able():
    """Is there a gateway in this build?"""
    return os.path.exists(IMWARD) and "gateway" in sh(IMWARD, "--help", check=False)


class Gateway:
    def __init__(self, lab, policy, *options, fail="closed"):
        self.lab, self.number = lab, time.monotonic_ns()
        self.folder = os.path.join(lab.folder, f"gw-{self.number}")
        os.mkdir(self.folder)
        os.chmod(self.folder, 0o777)
        self.policy, self.events_path = os.path.join(self.folder, "policy.yaml"), os.path.join(self.folder, "eve.json")
        with open(os.path.join(self.folder, "people.csv"), "w") as out:
            out.write(PEOPLE)
        self.write(policy)
        self.fail, self.options, self.process = fail, options, None
        self.spool = os.path.join(self.folder, "spool")
        os.mkdir(self.spool, 0o700)
        nobody = pwd.getpwnam("nobody")
        os.chown(self.spool, nobody.pw_uid, nobody.pw_gid)
        self.start()

    def write(self, policy):
        text = policy if policy.startswith("version") else HEAD + policy
        with open(self.policy + ".new", "w") as out:
            out.write(text)
        os.rename(self.policy + ".new", self.policy)

    def start(self):
        words = [IMWARD, "gateway", "--policy", self.policy, "--fail", self.fail, "-o", self.events_path,
                 "--control", os.path.join(self.folder, "control"), "--user", "nobody", "--spool", self.spool, *(["--bridge"] if self.lab.bridged else []), *self.options]
        self.process = self.lab.start("gw", *words, log=os.path.join(self.folder, "log"))
        self.pid = self.process.pid
        ready = wait_for(lambda: self.process.poll() is not None or self.queues(), 40)
        assert ready and self.process.poll() is None, f"the gateway did not start: {' '.join(words)}\n{self.said()[-2000:]}"
        assert wait_for(lambda: "NFQUEUE" in self.rules() or "queue " in self.rules(), 20), f"no rule queues: {self.rules()[-800:]}"
        time.sleep(0.2)

    def queues(self):
        return sh(*self.lab.on("gw", "cat", "/proc/net/netfilter/nfnetlink_queue"), check=False).splitlines()

    def rules(self):
        return sh(*self.lab.on("gw", "iptables-nft-save"), check=False) + sh(*self.lab.on("gw", "nft", "list", "ruleset"), check=False)

    def said(self):
        return open(os.path.join(self.folder, "log"), errors="replace").read()

    def heard(self, text, seconds=10):
        return wait_for(lambda: text in self.said(), seconds)

    def ask(self, command):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(20)
            s.connect(os.path.join(self.folder, "control"))
            s.sendall((json.dumps({"command": command}) + "\n").encode())
            return json.loads(s.makefile().readline())

    def reload(self, policy=None):
        """Did it take the new one?"""
        if policy is not None:
            self.write(policy)
        return self.ask("reload").get("ok") is True

    def kill(self):
        """kill -9, of all its processes."""
        for pid in children(self.pid) + [self.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        if self.process in self.lab.running:
            self.lab.running.remove(self.process)

    def stop(self):
        if self.process in self.lab.running:
            self.lab.running.remove(self.process)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(60)
        except Exception:
            self.kill()
            return "killed"

    def events(self):
        if not os.path.exists(self.events_path):
            return []
        return [json.loads(line) for line in open(self.events_path, errors="replace") if line.endswith("\n")]

    def blocks(self):
        """Events that tell of what was stopped."""
        return [e for e in self.events() if e.get("alert", {}).get("action") == "blocked" and e.get("verdict", {}).get("action") in ("block", "scan")]


def children(pid):
    try:
        direct = [int(x) for x in open(f"/proc/{pid}/task/{pid}/children").read().split()]
    except OSError:
        return []
    return [x for d in direct for x in children(d)] + direct


PR_SET_PDEATHSIG = 1


def in_processes(lines):
    """This program again, once with each of these lists of words, at the same time; they end with this one. 1: one failed."""
    running, status = [], 0
    signal.signal(signal.SIGTERM, lambda *_: exit(143))
    try:
        for words in lines:
            running.append(subprocess.Popen([sys.executable, os.path.abspath(sys.argv[0]), *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                            text=True, preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)))
        while running:
            said, _ = running[0].communicate()
            print(said, end="", flush=True)
            status |= running.pop(0).returncode != 0
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait()
    return int(status)


class Judge:
    """Gathers what was wrong."""

    def __init__(self, verbose=False, read=False):
        """`read`: what comes out counts where a program at the end can read it: not behind a hole."""
        self.cases, self.wrong, self.verbose, self.read = 0, [], verbose, read

    def expect(self, what, condition, note=""):
        self.cases += 1
        if not condition:
            self.wrong.append(f"{what}{': ' if note else ''}{note}")
            print("FAILED  " + self.wrong[-1], flush=True)
        elif self.verbose:
            print("ok      " + what, flush=True)
        return bool(condition)

    def end(self):
        print(f"{self.cases - len(self.wrong)} cases passed, {len(self.wrong)} failed")
        return 1 if self.wrong else 0


def judge_play(judge, lab, gateway, name, play, want, data_packets=1, rule=None, user=None):
    """One play under the gateway (None: under plain forwarding). `want`: True, False, or {part: True, False,
    or None, where it does not matter}; what is not named works."""
    before = len(gateway.blocks()) if gateway else 0
    with plays.expecting(want), Tap(lab, "out") as out, Tap(lab, "in") as into:
        parts = play(lab)
    for part, p in parts.items():
        wanted = want if isinstance(want, bool) else want.get(part, True)
        tap, what = (out if p.way == "out" else into), f"{name}, {part}"
        if wanted is None:
            continue
        if wanted:
            judge.expect(f"{what} works", p.worked, p.note)
            if p.marker:
                judge.expect(f"{what} is seen by the tap", tap.has(p.marker))
            continue
        judge.expect(f"{what} is blocked", not p.worked, p.note)
        if p.marker:
            seen = tap.has(p.marker, read=judge.read)
            judge.expect(f"{what}: no byte of it comes out", not seen, str(seen))
        if part in ("login", "page") and p.where:
            n = tap.packets_with_data_to(*p.where)
            judge.expect(f"{what}: at most {data_packets} data packets come out", n <= data_packets, f"{n} to {p.where}")
    blocked = any((want if isinstance(want, bool) else want.get(part, True)) is False for part in parts)
    if gateway and blocked:
        told = lambda: gateway.blocks()[before:]
        wait_for(told, 10)
        some = told()
        judge.expect(f"{name}: an event tells of the block", some)
        for e in some[:20]:
            v = e.get("verdict", {})
            judge.expect(f"{name}: the event has rule, policy version, how, evidence",
                         v.get("rule") and v.get("policy", "").startswith("2026-11-") and v.get("enforced") not in (None, "none", "passed", "failed")
                         and e.get("im", {}).get("evidence"), json.dumps(e)[:600])
        if rule:
            judge.expect(f"{name}: by the rule {rule}", any(e["verdict"].get("rule") == rule for e in some), json.dumps([e["verdict"] for e in some[:3]]))
        if user:
            judge.expect(f"{name}: of {user}", all(e["verdict"].get("user") == user for e in some), json.dumps([e["verdict"] for e in some[:3]]))
    return parts
