/* SPDX-License-Identifier: Apache-2.0 */
/* The measure of all reading: a loop over a capture that does nothing but take each packet from libpcap. */
#include <pcap/pcap.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    char error[PCAP_ERRBUF_SIZE];
    struct pcap_pkthdr *header;
    const unsigned char *data;
    unsigned long long packets = 0, bytes = 0;

    if (argc != 2) {
        fputs("usage: pcaploop FILE\n", stderr);
        return 2;
    }
    pcap_t *p = pcap_open_offline(argv[1], error);
    if (p == NULL) {
        fprintf(stderr, "%s\n", error);
        return 1;
    }
    while (pcap_next_ex(p, &header, &data) == 1) {
        packets++;
        bytes += header->len;
    }
    printf("%llu packets, %llu bytes\n", packets, bytes);
    pcap_close(p);
    return 0;
}
