# SPDX-License-Identifier: Apache-2.0
"""A real mail server for checks: Postfix in a folder of its own, on two ports of 127.0.0.1 (STARTTLS, TLS), which asks for a
password and keeps what it takes in Maildirs. gone@ is refused for good, later@ for now. Passwords it asks of us, by the
protocol of Dovecot's auth service. Root."""
import base64, email, email.policy, glob, os, pwd, shutil, socketserver, subprocess, threading, time

USER, PASSWORD, DOMAIN = "imward", "se cret!", "bank.example"

MAIN = """compatibility_level = 3.6
config_directory = {dir}/etc
queue_directory = {dir}/queue
data_directory = {dir}/data
maillog_file = {dir}/log
maillog_file_prefixes = {dir}
myhostname = mail.{domain}
mydestination =
alias_maps =
alias_database =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {dir}/mail
virtual_mailbox_maps = static:all/
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
smtpd_tls_cert_file = {dir}/cert.pem
smtpd_tls_key_file = {dir}/key.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = inet:127.0.0.1:{auth}
smtpd_tls_auth_only = yes
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = check_recipient_access inline:{{ {{gone@{domain} = 550 no such person here}}, {{later@{domain} = 450 come again later}} }}, permit_sasl_authenticated, reject
smtpd_client_restrictions = permit_sasl_authenticated, reject
smtpd_delay_reject = yes
anvil_rate_time_unit = 1s
"""
MASTER = """{starttls} inet n - n - - smtpd
  -o smtpd_tls_security_level=encrypt
{tls} inet n - n - - smtpd
  -o smtpd_tls_wrappermode=yes
  -o smtpd_tls_security_level=encrypt
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
tlsmgr unix - - n 1000? 1 tlsmgr
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


class Auth(socketserver.StreamRequestHandler):
    """https://doc.dovecot.org/2.3/developer_manual/design/auth_protocol/, as far as Postfix asks."""
    def handle(self):
        self.wfile.write(b"VERSION\t1\t1\nMECH\tPLAIN\tplaintext\nSPID\t1\nCUID\t1\nCOOKIE\t" + b"0" * 32 + b"\nDONE\n")
        for line in self.rfile:
            words = line.decode().rstrip("\n").split("\t")
            if words[0] not in ("AUTH", "CONT"):
                continue
            given = words[2] if words[0] == "CONT" else next((w[5:] for w in words if w.startswith("resp=")), None)
            if given is None:
                self.wfile.write(f"CONT\t{words[1]}\t\n".encode())
                continue
            right = base64.b64decode(given) == f"\0{USER}\0{PASSWORD}".encode()
            self.wfile.write(f"{'OK' if right else 'FAIL'}\t{words[1]}\tuser={USER}\n".encode())


class Postfix:
    def __init__(self, work, starttls, tls):
        self.dir, self.starttls, self.tls = os.path.join(work, "postfix"), starttls, tls
        nobody = pwd.getpwnam("nobody")
        os.chmod(work, 0o755)
        for name in ("", "etc", "queue", "data", "mail"):
            os.mkdir(os.path.join(self.dir, name), 0o755)
        os.chown(self.dir + "/mail", nobody.pw_uid, nobody.pw_gid)
        shutil.chown(self.dir + "/data", "postfix", "postfix")
        self.auth = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Auth)
        self.auth.daemon_threads = True
        threading.Thread(target=self.auth.serve_forever, daemon=True).start()
        fill = {"auth": self.auth.server_address[1], "dir": self.dir, "domain": DOMAIN, "uid": nobody.pw_uid, "gid": nobody.pw_gid, "starttls": starttls, "tls": tls}
        self.write("etc/main.cf", MAIN.format(**fill))
        self.write("etc/master.cf", MASTER.format(**fill))
        self.write("etc/dynamicmaps.cf", "")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj", "/CN=mail", "-addext",
                        "subjectAltName=IP:127.0.0.1", "-keyout", self.dir + "/key.pem", "-out", self.dir + "/cert.pem"],
                       check=True, stderr=subprocess.DEVNULL)
        self.ca = open(self.dir + "/cert.pem").read()

    def write(self, name, text):
        with open(os.path.join(self.dir, name), "w") as f:
            f.write(text)

    def run(self, what, check=True):
        """What it says goes into a file: its daemons would keep a pipe open."""
        with open(self.dir + "/said", "w+") as said:
            code = subprocess.run(["postfix", "-c", self.dir + "/etc", what], stdout=said, stderr=subprocess.STDOUT).returncode
            if check and code != 0:
                said.seek(0)
                log = open(self.dir + "/log").read() if os.path.exists(self.dir + "/log") else ""
                raise SystemExit(f"postfix {what}: status {code}\n{said.read()}{log}")

    def start(self):
        self.run("start")
        return self

    def stop(self):
        self.run("stop", check=False)

    __enter__ = start

    def __exit__(self, *_):
        self.stop()
        self.auth.shutdown()
        self.auth.server_close()

    def mails(self, to):
        """Messages that arrived for this local part, whole, oldest first."""
        paths = sorted(glob.glob(f"{self.dir}/mail/all/new/*"), key=os.path.getmtime)
        out = [email.message_from_bytes(open(p, "rb").read(), policy=email.policy.default) for p in paths]
        return [m for m in out if m["To"] == f"{to}@{DOMAIN}"]

    def wait(self, to, count, seconds=30):
        end = time.monotonic() + seconds
        while len(self.mails(to)) < count and time.monotonic() < end:
            time.sleep(0.2)
        return self.mails(to)
