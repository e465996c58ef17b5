# SPDX-License-Identifier: Apache-2.0
"""Ports of 127.0.0.1 for servers of checks."""
import random, socket


def free_port():
    """Free over TCP and UDP, and below those that the system gives to clients (ip_local_port_range): no client of anything else on
    the machine has it by the time its server opens it."""
    with open("/proc/sys/net/ipv4/ip_local_port_range") as f:
        first = int(f.read().split()[0])
    for port in random.sample(range(first // 2, first), 100):
        with socket.socket() as s, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as u:
            try:
                s.bind(("127.0.0.1", port))
                u.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    raise SystemExit("no free port of 127.0.0.1 in a hundred tries")
