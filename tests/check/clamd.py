# SPDX-License-Identifier: Apache-2.0
"""A clamd of a test's own: real, with one signature, that of the EICAR test string, and no network."""
import ctypes, os, shutil, signal, subprocess, tempfile, time

PR_SET_PDEATHSIG = 1
libc = ctypes.CDLL(None)

# In two halves, so that no scanner takes this file for what it speaks of.
EICAR = ("X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*").encode()


class Clamd:
    def __init__(self, user="root"):
        self.folder = tempfile.mkdtemp(prefix="imward-clamd")
        os.chmod(self.folder, 0o755)
        signatures = os.path.join(self.folder, "db")
        os.mkdir(signatures)
        with open(os.path.join(signatures, "test.ndb"), "w") as out:
            out.write("Eicar-Test-Signature:0:*:" + EICAR.hex() + "\n")
        self.socket = os.path.join(self.folder, "clamd.ctl")
        with open(os.path.join(self.folder, "clamd.conf"), "w") as out:
            out.write(f"LocalSocket {self.socket}\nLocalSocketMode 666\nDatabaseDirectory {signatures}\nForeground yes\n"
                      f"LogFile {self.folder}/log\nMaxThreads 4\nAlertExceedsMax yes\n" + ("User root\n" if os.getuid() == 0 else ""))
        self.process = None
        self.start()

    def start(self):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        self.process = subprocess.Popen(["clamd", "-c", os.path.join(self.folder, "clamd.conf")],
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                        preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM))  # ends with the test
        for _ in range(300):
            if os.path.exists(self.socket):
                return
            time.sleep(0.1)
        raise RuntimeError("clamd did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def remove(self):
        self.stop()
        shutil.rmtree(self.folder)
