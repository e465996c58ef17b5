/* SPDX-License-Identifier: Apache-2.0 */
/* Decoding: each link type, each encapsulation, each way a frame can be short or wrong. */
#include "frames.h"
#include "packet/packet.h"
#include "test.h"
#include <stdio.h>
#include <stdlib.h>

#define V4_A "\x0a\x01\x02\x03"
#define V4_B "\xc0\x00\x02\x09"
#define V6_A "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a"
#define V6_B "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0b"
#define TEREDO "\x20\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x0a"
#define OUTER_A "\xac\x10\x00\x01"
#define OUTER_B "\xac\x10\x00\x02"
#define OUTER6_A "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
#define OUTER6_B "\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02"
#define SNAP "\xaa\xaa\x03\x00\x00\x00"
#define MACS "\x02\x00\x00\x00\x00\x03\x02\x00\x00\x00\x00\x04"
#define HELLO "hello, IM"

static struct build b;

/* ---- inner packets ---- */

static void tcp4(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    wrap_ipv4(&b, 6, V4_A, V4_B);
}

static void udp4(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_udp(&b, 40000, 5222);
    wrap_ipv4(&b, 17, V4_A, V4_B);
}

static void tcp6(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    wrap_ipv6(&b, 6, V6_A, V6_B);
}

static void udp6(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_udp(&b, 40000, 5222);
    wrap_ipv6(&b, 17, V6_A, V6_B);
}

static void ethernet4(void)
{
    tcp4();
    wrap_ethernet(&b, 0x0800);
}

static void ethernet6(void)
{
    tcp6();
    wrap_ethernet(&b, 0x86dd);
}

static void outer4(uint8_t protocol)
{
    wrap_ipv4(&b, protocol, OUTER_A, OUTER_B);
    wrap_ethernet(&b, 0x0800);
}

static void outer_udp(uint16_t src, uint16_t dst)
{
    wrap_udp(&b, src, dst);
    outer4(17);
}

/* ---- link types ---- */

static void ethernet_udp4(void)
{
    udp4();
    wrap_ethernet(&b, 0x0800);
}
static void ethernet_udp6(void)
{
    udp6();
    wrap_ethernet(&b, 0x86dd);
}
static void cooked(void)
{
    tcp4();
    WRAP(&b, "\x00\x00\x00\x01\x00\x06"
             "\x02\x00\x00\x00\x00\x01\x00\x00\x08\x00");
}
static void cooked2(void)
{
    tcp6();
    WRAP(&b, "\x86\xdd\x00\x00\x00\x00\x00\x02\x00\x01\x04\x06"
             "\x02\x00\x00\x00\x00\x01\x00\x00");
}
static void cooked_llc(void)
{
    tcp4();
    WRAP(&b, "\x00\x00\x00\x01\x00\x06"
             "\x02\x00\x00\x00\x00\x01\x00\x00\x00\x04" SNAP "\x08\x00");
}
static void family_little(void)
{
    tcp4();
    WRAP(&b, "\x02\x00\x00\x00");
}
static void family_big(void)
{
    tcp6();
    WRAP(&b, "\x00\x00\x00\x18");
}
static void family_darwin(void)
{
    tcp6();
    WRAP(&b, "\x1e\x00\x00\x00");
}
static void ppp(void)
{
    tcp4();
    WRAP(&b, "\xff\x03\x00\x21");
}
static void ppp_short(void)
{
    tcp6();
    WRAP(&b, "\x57");
}
static void ppp_direction(void)
{
    tcp4();
    WRAP(&b, "\x01\x03\x00\x21");
}
static void ppp_direction_before(void)
{
    tcp4();
    WRAP(&b, "\x00\xff\x03\x00\x21");
}
static void cisco_hdlc(void)
{
    tcp4();
    WRAP(&b, "\x0f\x00\x08\x00");
}
static void llc_link(void)
{
    tcp4();
    WRAP(&b, SNAP "\x08\x00");
}
static void pppoe_link(void)
{
    tcp4();
    WRAP(&b, "\x00\x21");
    wrap16(&b, build_len(&b));
    WRAP(&b, "\x11\x00\x00\x07");
}
static void nflog(void)
{
    tcp4();
    wrap_le16(&b, 9);
    wrap_le16(&b, build_len(&b) - 2 + 4);
    WRAP(&b, "\x02\x00\x00\x00"
             "\x05\x00\x0a\x00"
             "x\0\0\0");
}
static void packet_tap(void)
{
    ethernet4();
    WRAP(&b, "\x10\x00\x00\x00"
             "\x01\x00\x00\x00"
             "\x01\x00\x00\x00"
             "more");
}

#define ADDRESSES3 MACS "\x02\x00\x00\x00\x00\x05"
static void wlan(void)
{
    tcp4();
    WRAP(&b, "\x08\x01\x00\x00" ADDRESSES3 "\x10\x00" SNAP "\x08\x00");
}
static void wlan_qos(void)
{
    tcp6();
    WRAP(&b, "\x88\x02\x00\x00" ADDRESSES3 "\x10\x00"
             "\x00\x00" SNAP "\x86\xdd");
}
static void wlan_four(void)
{
    tcp4();
    WRAP(&b, "\x88\x83\x00\x00" ADDRESSES3 "\x10\x00"
             "\x02\x00\x00\x00\x00\x06"
             "\x00\x00"
             "ht-c" SNAP "\x08\x00");
}
static void wlan_aggregate(void)
{
    tcp4();
    WRAP(&b, SNAP "\x08\x00");
    wrap16(&b, build_len(&b));
    WRAP(&b, "\x88\x01\x00\x00" ADDRESSES3 "\x10\x00"
             "\x80\x00" MACS);
    append(&b, VIEW("\0\0\0 the next packet of the aggregate"));
}
static void radiotap(void)
{
    wlan();
    WRAP(&b, "\x00\x00\x0d\x00\x02\x00\x00\x00"
             "\x10"
             "more");
}
/* With the time stamp aligned to 8 behind two words of what is present, flags after it: padded. */
static void radiotap_padded(void)
{
    tcp4();
    WRAP(&b, "\x88\x01\x00\x00" ADDRESSES3 "\x10\x00"
             "\x00\x00"
             "\x00\x00" SNAP "\x08\x00");
    WRAP(&b, "\x00\x00\x19\x00\x03\x00\x00\x80\x00\x00\x00\x00"
             "\x00\x00\x00\x00"
             "timetime"
             "\x20");
}
static void per_packet(void)
{
    wlan();
    WRAP(&b, "\x00\x00\x08\x00\x69\x00\x00\x00");
}
static void avs(void)
{
    wlan();
    WRAP(&b, "\x80\x21\x10\x01\x00\x00\x00\x10"
             "12345678");
}
static void prism(void)
{
    wlan();
    WRAP(&b, "\x44\x00\x00\x00\x10\x00\x00\x00"
             "12345678");
}
static void prism_big(void)
{
    wlan();
    WRAP(&b, "\x00\x00\x00\x44\x00\x00\x00\x10"
             "12345678");
}

/* ---- inside of Ethernet ---- */

static void vlan(void)
{
    tcp4();
    WRAP(&b, "\x00\x07\x08\x00");
    wrap_ethernet(&b, 0x8100);
}
static void vlan_in_vlan(void)
{
    tcp6();
    WRAP(&b, "\x00\x07\x81\x00\x00\x08\x86\xdd");
    wrap_ethernet(&b, 0x88a8);
}
static void ieee802_3(void)
{
    tcp4();
    WRAP(&b, SNAP "\x08\x00");
    wrap_ethernet(&b, (uint16_t)build_len(&b));
    append(&b, VIEW("padding"));
}
static void llc_ip(void)
{
    tcp4();
    WRAP(&b, "\x06\x06\x03");
    wrap_ethernet(&b, (uint16_t)build_len(&b));
}
static void mpls(void)
{
    tcp4();
    WRAP(&b, "\x00\x01\x00\x40\x00\x02\x01\x40");
    wrap_ethernet(&b, 0x8847);
}
static void mpls_pseudowire(void)
{
    ethernet4();
    WRAP(&b, "\x00\x01\x01\x40"
             "\x00\x00\x00\x05");
    wrap_ethernet(&b, 0x8847);
}
static void mpls_pseudowire_bare(void)
{
    ethernet6();
    WRAP(&b, "\x00\x01\x01\x40");
    wrap_ethernet(&b, 0x8847);
}
static void pppoe(void)
{
    pppoe_link();
    wrap_ethernet(&b, 0x8864);
}
static void backbone(void)
{
    ethernet4();
    WRAP(&b, "\x00\x00\x00\x01");
    wrap_ethernet(&b, 0x88e7);
}
static void fabric_path(void)
{
    ethernet4();
    WRAP(&b, "\x40\x20");
    wrap_ethernet(&b, 0x8903);
}

/* ---- inside of IP ---- */

static void v4_options(void)
{
    ethernet4();
    struct view v = build_view(&b);
    static uint8_t copy[2000];
    memcpy(copy, v.at, v.len);
    build_start(&b, view_of(copy + 34, v.len - 34));
    WRAP(&b, "\x94\x04\x00\x00");
    wrap(&b, copy, 34);
    b.bytes[b.at + 14] = 0x46;
    b.bytes[b.at + 17] += 4;
}
static void extensions(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    WRAP(&b, "\x06\x02\x00\x00"
             "spi1seq1icv1"); /* AH */
    WRAP(&b, "\x33\x01"
             "destination 14"); /* options, 16 octets */
    WRAP(&b, "\x3c\x00"
             "routes"); /* routing, 8 octets */
    WRAP(&b, "\x2b\x00"
             "hops01"); /* hop by hop */
    wrap_ipv6(&b, 0, V6_A, V6_B);
    wrap_ethernet(&b, 0x86dd);
}
static void ah_in_v4(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    WRAP(&b, "\x06\x04\x00\x00"
             "spi1seq1icv1icv2icv3"); /* AH with 96 bits of check value */
    wrap_ipv4(&b, 51, V4_A, V4_B);
    wrap_ethernet(&b, 0x0800);
}
static void atomic_fragment(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    WRAP(&b, "\x06\x00\x00\x00\x00\x00\x00\x09");
    wrap_ipv6(&b, 44, V6_A, V6_B);
    wrap_ethernet(&b, 0x86dd);
}
static void v4_in_v4(void)
{
    tcp4();
    outer4(4);
}
static void v6_in_v4(void)
{
    tcp6();
    outer4(41);
}
static void v4_in_v6(void)
{
    tcp4();
    wrap_ipv6(&b, 4, OUTER6_A, OUTER6_B);
    wrap_ethernet(&b, 0x86dd);
}
static void v6_in_v6(void)
{
    tcp6();
    wrap_ipv6(&b, 41, OUTER6_A, OUTER6_B);
    wrap_ethernet(&b, 0x86dd);
}
static void mpls_in_ip(void)
{
    tcp4();
    WRAP(&b, "\x00\x01\x01\x40");
    outer4(137);
}
static void gre(void)
{
    tcp4();
    WRAP(&b, "\x00\x00\x08\x00");
    outer4(47);
}
static void gre_all(void)
{
    tcp6();
    WRAP(&b, "\xb0\x00\x86\xdd"
             "sum_key_seq_");
    outer4(47);
}
static void gre_bridged(void)
{
    ethernet4();
    WRAP(&b, "\x20\x00\x65\x58"
             "key_");
    outer4(47);
}
static void gre_mpls(void)
{
    tcp4();
    WRAP(&b, "\x00\x00\x88\x47\x00\x01\x01\x40");
    outer4(47);
}
static void gre_vlan(void)
{
    tcp4();
    WRAP(&b, "\x00\x00\x81\x00\x00\x01\x08\x00");
    outer4(47);
}
static void erspan1(void)
{
    ethernet4();
    WRAP(&b, "\x00\x00\x88\xbe");
    outer4(47);
}
static void erspan2(void)
{
    ethernet4();
    WRAP(&b, "\x10\x00\x88\xbe"
             "seq_"
             "erspan2_");
    outer4(47);
}
static void erspan3(void)
{
    ethernet6();
    WRAP(&b, "\x10\x00\x22\xeb"
             "seq_"
             "erspan3+\0\0\0\0");
    outer4(47);
}
static void erspan3_long(void)
{
    ethernet6();
    WRAP(&b, "\x10\x00\x22\xeb"
             "seq_"
             "erspan3+\0\0\0\1"
             "platform");
    outer4(47);
}
static void pptp(void)
{
    tcp4();
    WRAP(&b, "\xff\x03\x00\x21");
    size_t len = build_len(&b);
    WRAP(&b, "\x00\x07"
             "seq_ack_");
    wrap16(&b, len);
    WRAP(&b, "\x30\x81\x88\x0b");
    outer4(47);
}
static void etherip(void)
{
    ethernet4();
    WRAP(&b, "\x30\x00");
    outer4(97);
}
static void l2tp3_ip(void)
{
    ethernet4();
    WRAP(&b, "\x00\x00\x00\x09"
             "cook");
    outer4(115);
}

/* ---- over UDP ---- */

static void vxlan(void)
{
    ethernet4();
    WRAP(&b, "\x08\x00\x00\x00\x00\x00\x2a\x00");
    outer_udp(50000, 4789);
}
static void vxlan_group(void)
{
    ethernet6();
    WRAP(&b, "\x88\x08\x00\x05\x00\x00\x2a\x00");
    outer_udp(50000, 4789);
}
static void vxlan_linux(void)
{
    vlan();
    WRAP(&b, "\x08\x00\x00\x00\x00\x00\x2a\x00");
    outer_udp(50000, 8472);
}
static void vxlan_gpe(void)
{
    tcp4();
    WRAP(&b, "\x0c\x00\x00\x01\x00\x00\x2a\x00");
    outer_udp(50000, 4790);
}
static void geneve(void)
{
    ethernet4();
    WRAP(&b, "\x00\x00\x65\x58\x00\x00\x2a\x00");
    outer_udp(50000, 6081);
}
static void geneve_options(void)
{
    tcp6();
    WRAP(&b, "\x02\x40\x86\xdd\x00\x00\x2a\x00"
             "options8");
    outer_udp(50000, 6081);
}
static void gtp(void)
{
    tcp4();
    wrap32(&b, 0x1234);
    wrap16(&b, build_len(&b) - 4);
    WRAP(&b, "\x30\xff");
    outer_udp(2152, 2152);
}
static void gtp_extensions(void)
{
    tcp6();
    WRAP(&b, "\x00\x01\x00\x85"
             "\x01\x10\x09\x40"
             "\x02\x00\x00\x00\x00\x00\x00\x00");
    size_t len = build_len(&b);
    wrap32(&b, 0x1234);
    wrap16(&b, len);
    WRAP(&b, "\x36\xff");
    outer_udp(51000, 2152);
}
static void capwap(void)
{
    wlan();
    WRAP(&b, "\x00\x10\x03\x00\x00\x00\x00\x00");
    outer_udp(5247, 50000);
}
static void capwap_swapped(void)
{
    tcp4();
    WRAP(&b, "\x01\x08\x00\x00" ADDRESSES3 "\x01\x10" SNAP "\x08\x00");
    WRAP(&b, "\x00\x20\x43\x20\x00\x00\x00\x00"
             "\x04\x01\x02\x03\x04\x00\x00\x00");
    outer_udp(50000, 5247);
}
static void capwap_ethernet(void)
{
    ethernet4();
    WRAP(&b, "\x00\x10\x02\x00\x00\x00\x00\x00");
    outer_udp(50000, 5247);
}
static void l2tp(void)
{
    tcp4();
    WRAP(&b, "\x00\x02\x00\x01\x00\x02"
             "\xff\x03\x00\x21");
    outer_udp(1701, 1701);
}
static void l2tp_all(void)
{
    tcp6();
    WRAP(&b, "\x00\x01\x00\x02"
             "ns__"
             "\x00\x03xyz"
             "\x57");
    wrap16(&b, build_len(&b) + 4);
    WRAP(&b, "\x4b\x02");
    outer_udp(1701, 50000);
}
static void l2tp3_udp(void)
{
    ethernet6();
    WRAP(&b, "\x00\x03\x00\x00\x00\x00\x00\x09"
             "cookieso");
    outer_udp(1701, 1701);
}
static void teredo6(void)
{
    build_start(&b, VIEW(HELLO));
    wrap_tcp(&b, 40000, 5222);
    wrap_ipv6(&b, 6, TEREDO, V6_B);
}
static void teredo(void)
{
    teredo6();
    outer_udp(50000, 3544);
}
static void teredo_any_port(void)
{
    teredo6();
    outer_udp(50000, 50001);
}
static void teredo_indications(void)
{
    teredo6();
    WRAP(&b, "\x00\x01\x02\x03"
             "idval"
             "noncenon\0"
             "\x00\x00\x11\x22\x33\x44\x55\x66");
    outer_udp(3544, 50000);
}
static void three_deep(void)
{
    vxlan();
    WRAP(&b, "\x20\x00\x65\x58"
             "key_");
    wrap_ipv6(&b, 47, OUTER6_A, OUTER6_B);
    outer4(41);
}

struct sample {
    const char *name;
    void (*build)(void);
    uint32_t link;
    uint8_t version; /* of the inner packet's addresses */
    uint8_t tunnels;
    uint8_t l4;
    uint16_t outer_port; /* with a tunnel over UDP: a cut frame may be just that datagram */
};

static const struct sample samples[] = {
#define S(build, ...)                                                                                        \
    {                                                                                                        \
#build, build, __VA_ARGS__                                                                           \
    }
    S(ethernet4, 1, 4, 0, 6, 0),
    S(ethernet6, 1, 6, 0, 6, 0),
    S(ethernet_udp4, 1, 4, 0, 17, 0),
    S(ethernet_udp6, 1, 6, 0, 17, 0),
    S(cooked, 113, 4, 0, 6, 0),
    S(cooked_llc, 113, 4, 0, 6, 0),
    S(cooked2, 276, 6, 0, 6, 0),
    S(tcp4, 101, 4, 0, 6, 0),
    S(tcp6, 101, 6, 0, 6, 0),
    S(udp4, 12, 4, 0, 17, 0),
    S(udp6, 14, 6, 0, 17, 0),
    S(tcp4, 228, 4, 0, 6, 0),
    S(tcp6, 229, 6, 0, 6, 0),
    S(family_little, 0, 4, 0, 6, 0),
    S(family_darwin, 0, 6, 0, 6, 0),
    S(family_big, 108, 6, 0, 6, 0),
    S(ppp, 9, 4, 0, 6, 0),
    S(ppp_short, 50, 6, 0, 6, 0),
    S(cisco_hdlc, 50, 4, 0, 6, 0),
    S(ppp_direction, 166, 4, 0, 6, 0),
    S(ppp_direction_before, 166, 4, 0, 6, 0),
    S(cisco_hdlc, 104, 4, 0, 6, 0),
    S(pppoe_link, 51, 4, 1, 6, 0),
    S(llc_link, 100, 4, 0, 6, 0),
    S(nflog, 239, 4, 0, 6, 0),
    S(packet_tap, 258, 4, 0, 6, 0),
    S(wlan, 105, 4, 0, 6, 0),
    S(wlan_qos, 105, 6, 0, 6, 0),
    S(wlan_four, 105, 4, 0, 6, 0),
    S(wlan_aggregate, 105, 4, 0, 6, 0),
    S(radiotap, 127, 4, 0, 6, 0),
    S(radiotap_padded, 127, 4, 0, 6, 0),
    S(per_packet, 192, 4, 0, 6, 0),
    S(avs, 163, 4, 0, 6, 0),
    S(avs, 119, 4, 0, 6, 0),
    S(prism, 119, 4, 0, 6, 0),
    S(prism_big, 119, 4, 0, 6, 0),
    S(vlan, 1, 4, 0, 6, 0),
    S(vlan_in_vlan, 1, 6, 0, 6, 0),
    S(ieee802_3, 1, 4, 0, 6, 0),
    S(llc_ip, 1, 4, 0, 6, 0),
    S(mpls, 1, 4, 0, 6, 0),
    S(mpls_pseudowire, 1, 4, 0, 6, 0),
    S(mpls_pseudowire_bare, 1, 6, 0, 6, 0),
    S(pppoe, 1, 4, 1, 6, 0),
    S(backbone, 1, 4, 1, 6, 0),
    S(fabric_path, 1, 4, 1, 6, 0),
    S(v4_options, 1, 4, 0, 6, 0),
    S(extensions, 1, 6, 0, 6, 0),
    S(ah_in_v4, 1, 4, 0, 6, 0),
    S(atomic_fragment, 1, 6, 0, 6, 0),
    S(v4_in_v4, 1, 4, 1, 6, 0),
    S(v6_in_v4, 1, 6, 1, 6, 0),
    S(v4_in_v6, 1, 4, 1, 6, 0),
    S(v6_in_v6, 1, 6, 1, 6, 0),
    S(mpls_in_ip, 1, 4, 1, 6, 0),
    S(gre, 1, 4, 1, 6, 0),
    S(gre_all, 1, 6, 1, 6, 0),
    S(gre_bridged, 1, 4, 1, 6, 0),
    S(gre_mpls, 1, 4, 1, 6, 0),
    S(gre_vlan, 1, 4, 1, 6, 0),
    S(erspan1, 1, 4, 1, 6, 0),
    S(erspan2, 1, 4, 1, 6, 0),
    S(erspan3, 1, 6, 1, 6, 0),
    S(erspan3_long, 1, 6, 1, 6, 0),
    S(pptp, 1, 4, 1, 6, 0),
    S(etherip, 1, 4, 1, 6, 0),
    S(l2tp3_ip, 1, 4, 1, 6, 0),
    S(vxlan, 1, 4, 1, 6, 4789),
    S(vxlan_group, 1, 6, 1, 6, 4789),
    S(vxlan_linux, 1, 4, 1, 6, 8472),
    S(vxlan_gpe, 1, 4, 1, 6, 4790),
    S(geneve, 1, 4, 1, 6, 6081),
    S(geneve_options, 1, 6, 1, 6, 6081),
    S(gtp, 1, 4, 1, 6, 2152),
    S(gtp_extensions, 1, 6, 1, 6, 2152),
    S(capwap, 1, 4, 1, 6, 50000),
    S(capwap_swapped, 1, 4, 1, 6, 5247),
    S(capwap_ethernet, 1, 4, 1, 6, 5247),
    S(l2tp, 1, 4, 1, 6, 1701),
    S(l2tp_all, 1, 6, 1, 6, 50000),
    S(l2tp3_udp, 1, 6, 1, 6, 1701),
    S(teredo, 1, 66, 1, 6, 3544),
    S(teredo_any_port, 1, 66, 1, 6, 50001),
    S(teredo_indications, 1, 66, 1, 6, 50000),
    S(three_deep, 1, 4, 3, 6, 4789),
#undef S
};
enum { SAMPLES = sizeof samples / sizeof samples[0] };

/*
 * Decode `data`, of which a frame of wire_len bytes was on the wire; from memory of its own size, for ASan.
 */
static enum decode_answer decode_tight(uint32_t link, struct view data, size_t wire_len,
                                       struct counters *counters, struct packet *out, uint8_t **out_copy)
{
    uint8_t *copy = malloc(data.len > 0 ? data.len : 1);

    assert_non_null(copy);
    memcpy(copy, data.at, data.len);
    struct frame frame = {
        1700000000000000, view_of(copy, data.len), (uint32_t)wire_len, (uint16_t)link, { 0 }
    };
    *counters = (struct counters){ 0 };
    enum decode_answer answer = decode(&frame, NULL, counters, out);
    *out_copy = copy;
    return answer;
}

static enum decode_answer decode_now(uint32_t link, struct counters *counters, struct packet *out)
{
    static uint8_t *copy;

    free(copy);
    struct view v = build_view(&b);
    return decode_tight(link, v, v.len, counters, out, &copy);
}

/* How many reasons were counted for giving no packet. */
static uint64_t reasons(const struct counters *c)
{
    return c->n[COUNT_LINK_UNKNOWN] + c->n[COUNT_DECODE_SHORT] + c->n[COUNT_DECODE_BAD] +
           c->n[COUNT_DECODE_OTHER] + c->n[COUNT_DECODE_DEPTH] + c->n[COUNT_FRAGMENTS_DROPPED];
}

static void check_inner(const struct sample *s, const struct packet *p)
{
    struct ip_addr src = s->version == 4 ? ip_from_v4((const uint8_t *)V4_A)
                                         : ip_from_v6((const uint8_t *)(s->version == 66 ? TEREDO : V6_A));
    struct ip_addr dst =
        s->version == 4 ? ip_from_v4((const uint8_t *)V4_B) : ip_from_v6((const uint8_t *)V6_B);

    assert_true(ip_equal(&p->src, &src));
    assert_true(ip_equal(&p->dst, &dst));
    assert_int_equal(p->src_port, 40000);
    assert_int_equal(p->dst_port, 5222);
    assert_int_equal(p->l4, s->l4);
    assert_int_equal(p->tunnels, s->tunnels);
    assert_int_equal(p->ttl, s->version == 4 ? 61 : 62);
    assert_int_equal(p->seq, s->l4 == 6 ? 0x01020304 : 0);
    assert_int_equal(p->ack, s->l4 == 6 ? 0x05060708 : 0);
    assert_int_equal(p->tcp_flags, s->l4 == 6 ? TCP_PSH | TCP_ACK : 0);
    assert_int_equal(p->payload_len, sizeof HELLO - 1);
    assert_true(view_starts(VIEW(HELLO), p->payload));
}

static void test_each_link_type_and_tunnel_gives_its_innermost_packet(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        struct counters counters;
        struct packet p;
        samples[i].build();
        if (decode_now(samples[i].link, &counters, &p) != DECODE_PACKET)
            fail_msg("%s: no packet", samples[i].name);
        if (p.src_port != 40000 || p.tunnels != samples[i].tunnels)
            fail_msg("%s: port %u, %u tunnels", samples[i].name, p.src_port, p.tunnels);
        check_inner(&samples[i], &p);
        assert_int_equal(p.payload.len, sizeof HELLO - 1);
        assert_int_equal(p.wire_len, build_len(&b));
        assert_int_equal(p.time_us, 1700000000000000);
        assert_int_equal(counters.n[COUNT_FRAMES], 1);
        assert_int_equal(counters.n[COUNT_FRAME_BYTES], build_len(&b));
        assert_int_equal(counters.n[COUNT_FRAMES_CUT], 0);
        assert_int_equal(counters.n[COUNT_TUNNELLED], samples[i].tunnels > 0);
        assert_int_equal(reasons(&counters), 0);
    }
}

/* A snap length cuts frames anywhere: a cut header is counted, a cut payload is told by the lengths. */
static void test_every_prefix_is_a_packet_with_less_payload_or_is_counted(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i].build();
        struct view whole = build_view(&b);
        bool found = false;
        for (size_t n = 0; n < whole.len; n++) {
            struct counters counters;
            struct packet p;
            uint8_t *copy;
            enum decode_answer answer =
                decode_tight(samples[i].link, view_slice(whole, 0, n), whole.len, &counters, &p, &copy);
            assert_int_equal(counters.n[COUNT_FRAMES_CUT], 1);
            assert_int_equal(reasons(&counters), answer == DECODE_NONE);
            if (answer == DECODE_PACKET && p.dst_port == samples[i].outer_port) {
                assert_true(p.payload.len < p.payload_len);
            } else if (answer == DECODE_PACKET) {
                check_inner(&samples[i], &p);
                found = true;
            }
            if (answer == DECODE_NONE && found)
                fail_msg("%s: cut at %zu lost what was found before", samples[i].name, n);
            free(copy);
        }
    }
}

/* The same bytes as whole frames, not as cut ones: never a crash, never a read beyond. */
static void test_every_prefix_as_a_whole_frame_is_harmless(void **state)
{
    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i].build();
        struct view whole = build_view(&b);
        for (size_t n = 0; n < whole.len; n++) {
            struct counters counters;
            struct packet p;
            uint8_t *copy;
            enum decode_answer answer =
                decode_tight(samples[i].link, view_slice(whole, 0, n), n, &counters, &p, &copy);
            assert_int_equal(counters.n[COUNT_FRAMES_CUT], 0);
            assert_int_equal(reasons(&counters), answer == DECODE_NONE);
            free(copy);
        }
    }
}

/* One octet of any header changed to any of some values: an answer or a reason, in bounds. */
static void test_every_damaged_octet_is_harmless(void **state)
{
    static const uint8_t values[] = { 0x00, 0x01, 0x0f, 0x40, 0x7f, 0x80, 0xf0, 0xff };

    (void)state;
    for (size_t i = 0; i < SAMPLES; i++) {
        samples[i].build();
        struct view whole = build_view(&b);
        for (size_t n = 0; n < whole.len * sizeof values; n++) {
            struct counters counters;
            struct packet p;
            uint8_t *copy;
            uint8_t before = b.bytes[b.at + n / sizeof values];
            b.bytes[b.at + n / sizeof values] = values[n % sizeof values];
            enum decode_answer answer = decode_tight(samples[i].link, whole, whole.len, &counters, &p, &copy);
            if (answer == DECODE_PACKET)
                assert_true(p.payload.at >= copy && p.payload.at + p.payload.len <= copy + whole.len);
            else
                assert_int_equal(reasons(&counters), answer == DECODE_NONE);
            b.bytes[b.at + n / sizeof values] = before;
            free(copy);
        }
    }
}

/* ---- what is not a packet, and why ---- */

static void expect_none(uint32_t link, enum counter why)
{
    struct counters counters;
    struct packet p;

    assert_int_equal(decode_now(link, &counters, &p), DECODE_NONE);
    assert_int_equal(counters.n[why], 1);
    assert_int_equal(reasons(&counters), 1);
}

static void test_unknown_link_type(void **state)
{
    (void)state;
    ethernet4();
    expect_none(147, COUNT_LINK_UNKNOWN);
}

/* ---- neighbours ---- */

#define MAC "\x02\x00\x00\x00\x00\x17"
#define V6_NEIGHBOUR "\xfd\x77\0\0\0\0\0\0\0\0\0\0\0\0\1\7"

static void expect_neighbour(const char *address)
{
    struct counters counters;
    struct packet p = { 0 };
    struct ip_addr want = { 0 };

    assert_true(ip_parse(view_string(address), &want));
    assert_int_equal(decode_now(1, &counters, &p), DECODE_NEIGHBOUR);
    assert_int_equal(counters.n[COUNT_DECODE_OTHER], 1);
    assert_true(ip_equal(&p.src, &want));
    assert_true(view_equal(p.payload, VIEW(MAC)));
}

static void arp(const char *head, unsigned operation)
{
    build_start(&b, VIEW("\x0a\0\0\7\0\0\0\0\0\0\x0a\0\0\1 padding"));
    WRAP(&b, MAC);
    wrap16(&b, operation);
    wrap(&b, head, 6);
    wrap_ethernet(&b, 0x0806);
}

static void test_arp_tells_the_hardware_address_of_its_sender(void **state)
{
    (void)state;
    arp("\0\1\x08\0\6\4", 1);
    expect_neighbour("10.0.0.7");
    arp("\0\1\x08\0\6\4", 2);
    expect_neighbour("10.0.0.7");
    arp("\0\1\x08\0\6\4", 3); /* RARP */
    expect_none(1, COUNT_DECODE_OTHER);
    arp("\0\1\x08\0\6\6", 1);
    expect_none(1, COUNT_DECODE_OTHER);
    arp("\0\1\x86\xdd\6\4", 1);
    expect_none(1, COUNT_DECODE_OTHER);
    arp("\0\6\x08\0\6\4", 1);
    expect_none(1, COUNT_DECODE_OTHER);
}

/* An ICMPv6 message of neighbour discovery. */
static void neighbour(uint8_t type, struct view rest, uint8_t hop_limit)
{
    build_start(&b, rest);
    WRAP(&b, "\0\0\0\0\0\0\0");
    wrap(&b, &type, 1);
    wrap_ipv6(&b, 58, V6_A, V6_B);
    b.bytes[b.at + 7] = hop_limit;
    wrap_ethernet(&b, 0x86dd);
}

static void test_neighbour_discovery_tells_hardware_addresses(void **state)
{
    char source[64];
    struct text t = TEXT(source);
    struct ip_addr a = ip_from_v6((const uint8_t *)V6_A);

    (void)state;
    text_address(&t, &a);
    neighbour(135, VIEW(V6_NEIGHBOUR "\1\1" MAC), 255);
    expect_neighbour(source);
    neighbour(133,
              VIEW("\x0e\1nonce-"
                   "\1\1" MAC),
              255);
    expect_neighbour(source);
    neighbour(136, VIEW(V6_NEIGHBOUR "\2\1" MAC), 255);
    expect_neighbour("fd77::107");
    neighbour(136, VIEW(V6_NEIGHBOUR "\1\1" MAC), 255); /* the option of who solicits */
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(135, VIEW(V6_NEIGHBOUR "\2\1" MAC), 255);
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(135, VIEW(V6_NEIGHBOUR "\1\1" MAC), 254); /* comes from another link */
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(134, VIEW(V6_NEIGHBOUR "\1\1" MAC), 255);
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(135, VIEW(V6_NEIGHBOUR "\1\0" MAC), 255);
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(135, VIEW(V6_NEIGHBOUR "\1\2" MAC "longer.."), 255); /* not Ethernet's */
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(135,
              VIEW(V6_NEIGHBOUR "\1\1"
                                "\2\0\0\0\0"),
              255);
    expect_none(1, COUNT_DECODE_OTHER);
    neighbour(128, VIEW(V6_NEIGHBOUR "\1\1" MAC), 255); /* ping */
    expect_none(1, COUNT_DECODE_OTHER);
}

static void test_what_is_neither_tcp_nor_udp(void **state)
{
    (void)state;
    build_start(&b, VIEW("\x08\x00"
                         "ping"));
    outer4(1);
    expect_none(1, COUNT_DECODE_OTHER);
    build_start(&b, VIEW("encrypted"));
    outer4(50);
    expect_none(1, COUNT_DECODE_OTHER);
    build_start(&b, VIEW("\x00\x01\x08\x00\x06\x04"));
    wrap_ethernet(&b, 0x0806);
    expect_none(1, COUNT_DECODE_OTHER);
    tcp4();
    WRAP(&b, "\xc0\x21");
    expect_none(9, COUNT_DECODE_OTHER);
    tcp4();
    WRAP(&b, "\x42\x42\x03"); /* spanning tree */
    wrap_ethernet(&b, (uint16_t)build_len(&b));
    expect_none(1, COUNT_DECODE_OTHER);
    tcp4();
    WRAP(&b, "\x00\x01\x01\x40"
             "not any packet at all"); /* MPLS with something else inside */
    wrap_ethernet(&b, 0x8847);
    expect_none(1, COUNT_DECODE_OTHER);
}

static void test_wireless_frames_without_a_packet_in_clear(void **state)
{
    static const char controls[][2] = {
        { 0x08, 0x41 }, { 0x48, 0x01 }, { (char)0x80, 0x00 }, { 0x08, 0x05 }
    };

    (void)state;
    for (size_t i = 0; i < sizeof controls / sizeof controls[0];
         i++) { /* protected, no data, beacon, a piece */
        wlan();
        memcpy(b.bytes + b.at, controls[i], 2);
        expect_none(105, COUNT_DECODE_OTHER);
    }
    wlan();
    b.bytes[b.at + 22] = 0x11; /* the second piece */
    expect_none(105, COUNT_DECODE_OTHER);
    radiotap();
    b.bytes[b.at + 8] = 0x40; /* check sequence wrong */
    expect_none(127, COUNT_DECODE_BAD);
}

/* Change one octet of an Ethernet frame with TCP over IPv4. */
static void with_octet(size_t at, uint8_t value)
{
    ethernet4();
    b.bytes[b.at + at] = value;
}

static void test_contradictions_in_ip_headers(void **state)
{
    (void)state;
    with_octet(14, 0x44); /* header shorter than any */
    expect_none(1, COUNT_DECODE_BAD);
    with_octet(14, 0x65); /* another version */
    expect_none(1, COUNT_DECODE_BAD);
    with_octet(17, 19); /* total shorter than the header */
    expect_none(1, COUNT_DECODE_BAD);
    tcp4();
    expect_none(229, COUNT_DECODE_BAD);
    tcp4();
    b.bytes[b.at] = 0x75;
    expect_none(101, COUNT_DECODE_BAD);
    build_start(&b, VIEW("\x06\x09"
                         "short:"));
    wrap_ipv6(&b, 60, V6_A, V6_B); /* options longer than the packet */
    expect_none(229, COUNT_DECODE_BAD);
}

static void test_contradictions_in_tcp_and_udp_headers(void **state)
{
    (void)state;
    with_octet(14 + 20 + 12, 0x40); /* data offset below 5 */
    expect_none(1, COUNT_DECODE_BAD);
    with_octet(14 + 20 + 12, 0xf0); /* data offset behind the end */
    expect_none(1, COUNT_DECODE_BAD);
    ethernet_udp4();
    b.bytes[b.at + 14 + 20 + 5] = 7;
    expect_none(1, COUNT_DECODE_BAD);
    ethernet_udp4();
    b.bytes[b.at + 14 + 20 + 5] = 8 + sizeof HELLO; /* one more than IP says */
    expect_none(1, COUNT_DECODE_BAD);
    ethernet_udp4();
    append(&b, VIEW("padding")); /* also where the frame would have room for it */
    b.bytes[b.at + 14 + 20 + 5] = 8 + sizeof HELLO;
    expect_none(1, COUNT_DECODE_BAD);
}

static void test_udp_length_below_ip_length_cuts_the_payload(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    ethernet_udp4();
    b.bytes[b.at + 14 + 20 + 5] = 8 + 5;
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW("hello")));
    assert_int_equal(p.payload_len, 5);
    b.bytes[b.at + 14 + 20 + 5] = 0; /* a jumbogram: all of it */
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
}

static void test_ethernet_padding_is_no_payload(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    ethernet4();
    append(&b, VIEW("\0\0\0\0\0\0padding"));
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
    ethernet6();
    append(&b, VIEW("\0\0\0\0\0\0padding"));
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
}

/* Captured on the sending machine before the network card cuts it into segments. */
static void test_total_length_zero_means_all_that_was_captured(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    with_octet(17, 0);
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
    assert_int_equal(p.payload_len, sizeof HELLO - 1);
    ethernet6();
    b.bytes[b.at + 14 + 5] = 0;
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
}

/* The capture's wire length is wrong and the header right: what is missing counts as cut. */
static void test_total_length_beyond_the_frame_is_believed(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    ethernet4();
    b.bytes[b.at + 17] += 100;
    assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
    assert_true(view_equal(p.payload, VIEW(HELLO)));
    assert_int_equal(p.payload_len, sizeof HELLO - 1 + 100);
}

static void test_a_fragment_without_reassembly_is_for_somebody_else_and_not_counted(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    build_start(&b, VIEW("12345678"));
    wrap_ipv4_part(&b, 17, V4_A, V4_B, 7, 0x2000);
    assert_int_equal(decode_now(228, &counters, &p), DECODE_FRAGMENT);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        assert_int_equal(counters.n[i], 0);
}

static void test_encapsulations_beyond_the_limit_are_counted(void **state)
{
    struct counters counters;
    struct packet p;

    (void)state;
    tcp4();
    for (unsigned i = 0; i < 8; i++)
        wrap_ipv4(&b, 4, OUTER_A, OUTER_B);
    assert_int_equal(decode_now(228, &counters, &p), DECODE_PACKET);
    assert_int_equal(p.tunnels, 8);
    wrap_ipv4(&b, 4, OUTER_A, OUTER_B);
    expect_none(228, COUNT_DECODE_DEPTH);
    tcp4();
    for (unsigned i = 0; i < 100; i++)
        WRAP(&b, "\x00\x07\x81\x00");
    wrap_ethernet(&b, 0x8100);
    expect_none(1, COUNT_DECODE_DEPTH);
}

/* The port alone makes no tunnel: each sample with one thing wrong must stay the outer datagram. */
static void test_a_datagram_on_a_tunnel_port_that_is_no_tunnel_is_udp(void **state)
{
    static const struct {
        void (*build)(void);
        size_t at; /* in the UDP payload */
        uint8_t value;
    } near_misses[] = {
        { vxlan, 0, 0x00 },
        { vxlan, 1, 0x01 },
        { vxlan, 7, 0x01 },
        { vxlan, 20, 0x09 },
        { vxlan, 22, 0x44 },
        { vxlan, 24, 0xff },
        { vxlan_gpe, 0, 8 },
        { vxlan_gpe, 3, 5 },
        { vxlan_gpe, 11, 1 },
        { geneve, 0, 0x40 },
        { geneve, 1, 0x01 },
        { geneve, 2, 0x00 },
        { geneve, 7, 1 },
        { gtp, 0, 0x50 },
        { gtp, 0, 0x20 },
        { gtp, 1, 0x01 },
        { gtp, 3, 0 },
        { gtp, 8, 0x55 },
        { gtp, 11, 1 },
        { gtp_extensions, 12, 0 },
        { capwap, 0, 1 },
        { capwap, 1, 0x08 },
        { capwap, 3, 0x80 },
        { capwap, 4, 1 },
        { capwap, 8, 0x48 },
        { capwap, 32, 0xab },
        { l2tp, 0, 0x80 },
        { l2tp, 1, 0x05 },
        { l2tp, 9, 0x23 },
        { l2tp, 13, 0 },
        { l2tp_all, 3, 1 },
        { l2tp3_udp, 2, 1 },
        { l2tp3_udp, 28, 0x09 },
        { teredo, 0, 0x40 },
        { teredo, 5, 1 },
        { teredo, 8, 0x21 },
        { teredo_any_port, 8, 0x21 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof near_misses / sizeof near_misses[0]; i++) {
        struct counters counters;
        struct packet p;
        near_misses[i].build();
        size_t udp = 14 + 20 + 8;
        b.bytes[b.at + udp + near_misses[i].at] = near_misses[i].value;
        assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
        if (p.tunnels != 0 || p.payload_len != build_len(&b) - udp)
            fail_msg("near miss %zu was taken for a tunnel", i);
    }
}

static void test_datagrams_of_text_on_every_tunnel_port_are_udp(void **state)
{
    static const uint16_t ports[] = { 4789, 8472, 4790, 6081, 2152, 5247, 1701, 3544 };

    (void)state;
    for (size_t i = 0; i < sizeof ports / sizeof ports[0]; i++) {
        struct counters counters;
        struct packet p;
        build_start(&b, VIEW("Any other text may come to this port, for nobody owns a number."));
        outer_udp(ports[i], ports[i]);
        assert_int_equal(decode_now(1, &counters, &p), DECODE_PACKET);
        assert_int_equal(p.dst_port, ports[i]);
        assert_int_equal(p.tunnels, 0);
    }
}

/* A frame of which the capture lacks an octet is walked; one that is whole may be read at fixed places. */
static enum decode_answer decode_as(const struct build *from, bool whole, struct packet *p)
{
    struct counters counters = { 0 };
    size_t len = build_len(from);
    struct frame frame = { .time_us = 1,
                           .data = view_of(from->bytes + from->at, len),
                           .wire_len = (uint32_t)len + !whole,
                           .link = 1 };

    memset(p, 0, sizeof *p);
    enum decode_answer answer = decode(&frame, NULL, &counters, p);
    p->wire_len = 0;
    return answer;
}

static void vlan4(void)
{
    tcp4();
    wrap_ethernet(&b, 0x0800);
    memmove(b.bytes + b.at - 4, b.bytes + b.at, 12); /* the addresses go forward, the tag between */
    memcpy(b.bytes + b.at + 8, "\x81\x00\x00\x2a", 4);
    b.at -= 4;
}

static void test_the_short_way_and_the_walk_agree_on_every_changed_octet(void **state)
{
    static void (*const builds[])(void) = { tcp4, udp4, tcp6, udp6, vlan4 };
    static const uint16_t types[] = { 0x0800, 0x0800, 0x86dd, 0x86dd, 0 };
    struct packet at_once, walked;
    unsigned packets = 0;

    (void)state;
    for (size_t i = 0; i < sizeof builds / sizeof builds[0]; i++)
        for (size_t at = 0; at < 80; at++)
            for (unsigned value = 0; value < 256; value++) {
                builds[i]();
                if (types[i] != 0)
                    wrap_ethernet(&b, types[i]);
                if (at >= build_len(&b))
                    break;
                b.bytes[b.at + at] = (uint8_t)value;
                enum decode_answer answer = decode_as(&b, true, &at_once);
                assert_int_equal(decode_as(&b, false, &walked), answer);
                bool length_left_out =
                    answer == DECODE_PACKET && at_once.payload_len + 1 == walked.payload_len;
                walked.payload_len -= length_left_out; /* a header of length 0 means all that there is */
                if (answer == DECODE_PACKET)
                    assert_memory_equal(&at_once, &walked, sizeof walked);
                packets += answer == DECODE_PACKET;
            }
    assert_true(packets > 40000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_link_type_and_tunnel_gives_its_innermost_packet),
        cmocka_unit_test(test_every_prefix_is_a_packet_with_less_payload_or_is_counted),
        cmocka_unit_test(test_every_prefix_as_a_whole_frame_is_harmless),
        cmocka_unit_test(test_every_damaged_octet_is_harmless),
        cmocka_unit_test(test_the_short_way_and_the_walk_agree_on_every_changed_octet),
        cmocka_unit_test(test_unknown_link_type),
        cmocka_unit_test(test_arp_tells_the_hardware_address_of_its_sender),
        cmocka_unit_test(test_neighbour_discovery_tells_hardware_addresses),
        cmocka_unit_test(test_what_is_neither_tcp_nor_udp),
        cmocka_unit_test(test_wireless_frames_without_a_packet_in_clear),
        cmocka_unit_test(test_contradictions_in_ip_headers),
        cmocka_unit_test(test_contradictions_in_tcp_and_udp_headers),
        cmocka_unit_test(test_udp_length_below_ip_length_cuts_the_payload),
        cmocka_unit_test(test_ethernet_padding_is_no_payload),
        cmocka_unit_test(test_total_length_zero_means_all_that_was_captured),
        cmocka_unit_test(test_total_length_beyond_the_frame_is_believed),
        cmocka_unit_test(test_a_fragment_without_reassembly_is_for_somebody_else_and_not_counted),
        cmocka_unit_test(test_encapsulations_beyond_the_limit_are_counted),
        cmocka_unit_test(test_a_datagram_on_a_tunnel_port_that_is_no_tunnel_is_udp),
        cmocka_unit_test(test_datagrams_of_text_on_every_tunnel_port_are_udp),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
