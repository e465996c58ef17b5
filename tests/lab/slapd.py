# SPDX-License-Identifier: Apache-2.0
"""A real slapd for checks: TLS of an authority of its own, people and groups that come and go while it runs."""
import os, socket, subprocess, time

BASE = "dc=bank,dc=example"


def run(*words, text=None):
    p = subprocess.run(words, input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if p.returncode != 0:
        raise SystemExit(f"{words}: {p.stdout}")


class Slapd:
    READER = f"cn=imward,{BASE}"

    def __init__(self, work, port):
        self.work, self.port, self.process = os.path.join(work, "slapd"), port, None
        self.url = f"ldaps://127.0.0.1:{port}"
        os.makedirs(self.work + "/db")
        w = self.work
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", f"{w}/ca.key", "-out", f"{w}/ca.pem", "-subj", "/CN=test authority")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{w}/key",
            "-out", f"{w}/csr", "-subj", "/CN=slapd")
        with open(f"{w}/san", "w") as f:
            f.write("subjectAltName=IP:127.0.0.1\n")
        run("openssl", "x509", "-req", "-in", f"{w}/csr", "-CA", f"{w}/ca.pem", "-CAkey", f"{w}/ca.key", "-CAcreateserial", "-days", "2",
            "-out", f"{w}/pem", "-extfile", f"{w}/san")
        self.ca = open(f"{w}/ca.pem").read()
        with open(f"{w}/conf", "w") as f:
            f.write("".join(f"include /etc/ldap/schema/{s}.schema\n" for s in ("core", "cosine", "nis", "inetorgperson")) + f"""
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {w}/pid
TLSCACertificateFile {w}/ca.pem
TLSCertificateFile {w}/pem
TLSCertificateKeyFile {w}/key
database mdb
suffix "{BASE}"
rootdn "cn=root,{BASE}"
rootpw root
maxsize 67108864
directory {w}/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{self.READER}" read by * none
""")
        with open(f"{w}/base.ldif", "w") as f:
            f.write(f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: bank\no: Bank\n\n"
                    f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n"
                    f"dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n"
                    f"dn: {self.READER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: imward\n"
                    "userPassword: reader\n")
        run("/usr/sbin/slapadd", "-q", "-f", f"{w}/conf", "-l", f"{w}/base.ldif")

    def start(self):
        self.process = subprocess.Popen(["/usr/sbin/slapd", "-d", "0", "-f", f"{self.work}/conf", "-h", self.url],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                time.sleep(0.1)
        raise SystemExit("slapd does not start")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.terminate()
            self.process.wait()

    def change(self, ldif):
        os.environ["LDAPTLS_CACERT"] = f"{self.work}/ca.pem"
        run("ldapmodify", "-c", "-x", "-H", self.url, "-D", f"cn=root,{BASE}", "-w", "root", text=ldif)

    def person(self, uid, name, department, password, manager=None, **more):
        self.change(f"dn: uid={uid},ou=people,{BASE}\nchangetype: add\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {name}\n"
                    f"sn: {name.split()[-1]}\nmail: {uid}@bank.example\ndepartmentNumber: {department}\nuserPassword: {password}\n" +
                    (f"manager: uid={manager},ou=people,{BASE}\n" if manager else "") +
                    "".join(f"{k}: {v}\n" for k, v in more.items()))

    def remove(self, uid):
        self.change(f"dn: uid={uid},ou=people,{BASE}\nchangetype: delete\n")

    def group(self, name, *members):
        self.change(f"dn: cn={name},ou=groups,{BASE}\nchangetype: add\nobjectClass: groupOfNames\ncn: {name}\n" +
                    "".join(f"member: uid={m},ou=people,{BASE}\n" for m in members))

    def members(self, name, *members):
        self.change(f"dn: cn={name},ou=groups,{BASE}\nchangetype: modify\nreplace: member\n" +
                    "".join(f"member: uid={m},ou=people,{BASE}\n" for m in members))
