# SPDX-License-Identifier: Apache-2.0
"""A real OpenID Connect provider for checks: glewlwyd with TLS of an authority of its own, SQLite in a folder of its own, set
up by its API; and a browser that signs in there and carries the code back as a browser does."""
import gzip, json, os, shutil, signal, sqlite3, ssl, subprocess, time, urllib.error, urllib.parse, urllib.request

SQL = "/usr/share/doc/glewlwyd/database/init.sqlite3.sql.gz"
CONFIG = """
port={port}
bind_address="127.0.0.1"
external_url="{url}"
login_url="login.html"
api_prefix="api"
cookie_secure=0
cookie_same_site="empty"
log_mode="file"
log_level="INFO"
log_file="{work}/glewlwyd.log"
session_expiration=3600
session_key="GLEWLWYD2_SESSION_ID"
admin_session_authentication="cookie"
profile_session_authentication="cookie"
login_api_enabled=true
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="/usr/lib/glewlwyd/user"
client_module_path="/usr/lib/glewlwyd/client"
user_auth_scheme_module_path="/usr/lib/glewlwyd/scheme"
plugin_module_path="/usr/lib/glewlwyd/plugin"
use_secure_connection=true
secure_connection_key_file="{work}/provider.key"
secure_connection_pem_file="{work}/provider.pem"
secure_connection_ca_file="{work}/ca.pem"
hash_algorithm="SHA512"
database = {{ type = "sqlite3"; path = "{work}/glewlwyd.db"; }};
"""
PASSWORD = "a password at the provider"


def there():
    return shutil.which("glewlwyd") is not None and os.path.exists(SQL)


def run(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Stay(urllib.request.HTTPRedirectHandler):
    """Redirects are looked at, not followed."""
    def redirect_request(self, *_):
        return None


class Provider:
    CLIENT, SECRET = "imward", "the secret of imward"

    def __init__(self, work, port, redirect):
        self.work, self.port, self.redirect = work, port, redirect
        self.url = f"https://localhost:{port}/"
        self.issuer = f"https://localhost:{port}/api/oidc"
        self.process, self.keys = None, 0
        self.certificate()
        with sqlite3.connect(f"{work}/glewlwyd.db") as db, gzip.open(SQL, "rt") as sql:
            db.executescript(sql.read())
        with open(f"{work}/glewlwyd.conf", "w") as f:
            f.write(CONFIG.format(port=port, url=self.url.rstrip("/"), work=work))
        self.ca = open(f"{work}/ca.pem").read()
        self.admin = self.browser()

    def certificate(self):
        w = self.work
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-keyout", f"{w}/ca.key", "-out", f"{w}/ca.pem", "-subj", "/CN=test authority")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", f"{w}/provider.key",
            "-out", f"{w}/provider.csr", "-subj", "/CN=localhost")
        with open(f"{w}/san", "w") as f:
            f.write("subjectAltName=DNS:localhost\n")
        run("openssl", "x509", "-req", "-in", f"{w}/provider.csr", "-CA", f"{w}/ca.pem", "-CAkey", f"{w}/ca.key", "-CAcreateserial",
            "-days", "2", "-out", f"{w}/provider.pem", "-extfile", f"{w}/san")

    def browser(self):
        tls = ssl.create_default_context(cafile=f"{self.work}/ca.pem")
        return urllib.request.build_opener(urllib.request.HTTPSHandler(context=tls), urllib.request.HTTPCookieProcessor(), Stay(),
                                           urllib.request.ProxyHandler({}))

    def ask(self, browser, method, path, body=None):
        """(status, headers, text)"""
        request = urllib.request.Request(path if path.startswith("https:") else self.url + "api/" + path, method=method,
                                         data=json.dumps(body).encode() if body is not None else None,
                                         headers={"Content-Type": "application/json"} if body is not None else {})
        try:
            with browser.open(request, timeout=20) as r:
                return r.status, r.headers, r.read().decode()
        except urllib.error.HTTPError as e:
            return e.code, e.headers, e.read().decode(errors="replace")

    def must(self, method, path, body=None):
        status, _, text = self.ask(self.admin, method, path, body)
        if status != 200:
            raise SystemExit(f"glewlwyd: {method} {path}: {status} {text[:500]}")
        return json.loads(text) if text.startswith(("{", "[")) else None

    def start(self):
        self.process = subprocess.Popen(["glewlwyd", "--config-file=" + f"{self.work}/glewlwyd.conf"], stdout=subprocess.DEVNULL,
                                        stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                if self.ask(self.browser(), "GET", self.url + "config")[0] in (200, 404):
                    return
            except (urllib.error.URLError, ConnectionError, ssl.SSLError, TimeoutError):
                pass
            if self.process.poll() is not None:
                raise SystemExit("glewlwyd ended:\n" + open(f"{self.work}/glewlwyd.log").read()[-2000:])
            time.sleep(0.1)
        raise SystemExit("glewlwyd does not answer")

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def plugin(self):
        """The provider's settings, with a new key each time."""
        self.keys += 1
        key = f"{self.work}/sign{self.keys}"
        run("openssl", "genrsa", "-out", key + ".key", "2048")
        run("openssl", "rsa", "-in", key + ".key", "-pubout", "-out", key + ".pem")
        return {"module": "oidc", "name": "oidc", "display_name": "OIDC", "parameters": {
            "iss": self.issuer, "jwt-type": "rsa", "jwt-key-size": "256", "key": open(key + ".key").read(),
            "cert": open(key + ".pem").read(), "access-token-duration": 3600, "refresh-token-duration": 3600, "code-duration": 600,
            "refresh-token-rolling": False, "allow-non-oidc": False, "auth-type-code-enabled": True,
            "auth-type-code-revoke-replayed": True, "auth-type-token-enabled": False, "auth-type-id-token-enabled": True,
            "auth-type-none-enabled": False, "auth-type-password-enabled": False, "auth-type-client-enabled": False,
            "auth-type-device-enabled": False, "auth-type-refresh-enabled": False, "scope": [], "jwks-show": True, "jwks-x5c": [],
            "subject-type": "public", "pkce-allowed": True, "pkce-method-plain-allowed": False, "pkce-required": True,
            "introspection-revocation-allowed": False, "register-client-allowed": False, "session-management-allowed": False,
            "name-claim": "mandatory", "email-claim": "mandatory", "scope-claim": "no", "oauth-as-iss-id": True,
            "claims": [
                {"name": "groups", "user-property": "groups", "type": "string", "mandatory": True, "on-demand": False, "scope": []},
                {"name": "preferred_username", "user-property": "login", "type": "string", "mandatory": True, "on-demand": False,
                 "scope": []},
                {"name": "email_verified", "user-property": "verified", "type": "boolean", "boolean-value-true": "yes",
                 "boolean-value-false": "no", "mandatory": True, "on-demand": False, "scope": []}]}}

    def setup(self, people):
        """people: {login: (name, mail, verified, [groups])}"""
        self.must("POST", "auth/", {"username": "admin", "password": "password"})
        module = self.must("GET", "mod/user/database")
        for name, many in (("groups", True), ("login", False), ("verified", False)):
            module["parameters"]["data-format"][name] = {"multiple": many, "read": True, "write": True, "profile-read": False,
                                                         "profile-write": False}
        self.must("PUT", "mod/user/database", module)
        self.must("PUT", "mod/user/database/reset")
        self.must("POST", "mod/plugin/", self.plugin())
        self.must("POST", "client/", {
            "client_id": self.CLIENT, "name": "imward", "confidential": True, "enabled": True, "client_secret": self.SECRET,
            "password": self.SECRET, "redirect_uri": [self.redirect], "authorization_type": ["code"],
            "token_endpoint_auth_method": ["client_secret_basic"], "scope": []})
        for login, (name, mail, verified, groups) in people.items():
            self.must("POST", "user/", {"username": login, "name": name, "email": mail, "login": login, "groups": groups,
                                        "verified": "yes" if verified else "no", "password": PASSWORD, "enabled": True,
                                        "scope": ["g_profile", "openid"]})

    def new_key(self):
        self.must("PUT", "mod/plugin/oidc", self.plugin())
        self.must("PUT", "mod/plugin/oidc/reset")

    def sign_in(self, login, url):
        """A browser of that person at the address that the console sent it to; the address it is sent back to."""
        browser = self.browser()
        status, _, text = self.ask(browser, "POST", "auth/", {"username": login, "password": PASSWORD})
        if status != 200:
            raise SystemExit(f"glewlwyd: {login}: {status} {text}")
        status, _, text = self.ask(browser, "PUT", f"auth/grant/{self.CLIENT}", {"scope": "openid"})
        if status != 200:
            raise SystemExit(f"glewlwyd: the grant of {login}: {status} {text}")
        where = url + ("&" if "?" in url else "?") + "g_continue"
        status, headers, text = self.ask(browser, "GET", where)
        back = headers.get("Location", "")
        if status != 302 or not back.startswith(self.redirect):
            raise SystemExit(f"glewlwyd sends {login} to {status} {back} {text[:300]}")
        return back
