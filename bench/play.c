/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays a capture onto an interface, once, so many frames a second, which is set up first; 0 is none, and it
 * is only set up. What scripts/demo shows the live sensor with, which has no tcpreplay.
 *
 *     play INTERFACE CAPTURE FRAMES_A_SECOND
 *
 * The capture is one of ours (tests/fixtures/): pcap, little-endian, Ethernet.
 *
 *     cc -O2 -o play bench/play.c
 */
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FILE_HEADER = 24, FRAME_MOST = 65535, ETHERNET = 1 };

static int fail(const char *what)
{
    perror(what);
    return 1;
}

/* A socket that sends frames on the interface, which is up then; -1: errno says why. */
static int interface_open(const char *name)
{
    struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(name) };
    struct ifreq r = { .ifr_name = "" };
    int fd = socket(AF_PACKET, SOCK_RAW, 0);

    snprintf(r.ifr_name, sizeof r.ifr_name, "%s", name);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &r) != 0)
        return -1;
    r.ifr_flags |= IFF_UP;
    if (ioctl(fd, SIOCSIFFLAGS, &r) != 0 || bind(fd, (struct sockaddr *)&to, sizeof to) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    static uint8_t frame[FRAME_MOST];
    uint32_t file[FILE_HEADER / 4], record[4]; /* seconds, microseconds, bytes here, bytes on the wire */
    unsigned long sent = 0;
    FILE *f = argc == 4 ? fopen(argv[2], "rb") : NULL;
    int fd, rate = argc == 4 ? atoi(argv[3]) : 0;

    if (argc != 4 || rate < 0 || rate > 1000000) {
        fputs("usage: play INTERFACE CAPTURE FRAMES_A_SECOND\n", stderr);
        return 2;
    }
    if (f == NULL || fread(file, sizeof file, 1, f) != 1)
        return fail(argv[2]);
    if (file[0] != 0xa1b2c3d4 || file[5] != ETHERNET) {
        fprintf(stderr, "%s: not a capture of ours\n", argv[2]);
        return 1;
    }
    if ((fd = interface_open(argv[1])) < 0)
        return fail(argv[1]);
    while (rate > 0 && fread(record, sizeof record, 1, f) == 1 && record[2] <= sizeof frame &&
           fread(frame, record[2], 1, f) == 1) {
        if (send(fd, frame, record[2], 0) != (ssize_t)record[2])
            return fail(argv[1]);
        nanosleep(&(struct timespec){ .tv_nsec = 1000000000 / rate - (rate == 1) }, NULL);
        sent++;
    }
    if (rate > 0)
        printf("%lu frames played\n", sent);
    return 0;
}
