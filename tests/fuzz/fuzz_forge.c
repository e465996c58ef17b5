/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of what is forged. The input is an IP packet: whatever is in it, nothing outside is read, what
 * is made is a packet that decodes to the ends turned around and has right checksums, and what is
 * overwritten is as it was but for the bytes asked for and the checksums. The last two octets are offset and
 * count of these.
 */
#include "enforce/forge.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINK_RAW = 101, TCP = 6, UDP = 17 };

static void must(bool holds)
{
    if (!holds)
        abort();
}

static bool read_packet(struct view ip, struct packet *out)
{
    static struct counters counters;
    struct frame frame = { .data = ip, .wire_len = (uint32_t)ip.len, .link = LINK_RAW };

    return decode(&frame, NULL, &counters, out) == DECODE_PACKET;
}

static uint32_t words(uint32_t n, struct view v)
{
    for (size_t i = 0; i < v.len; i++)
        n += i % 2 == 0 ? (uint32_t)v.at[i] << 8 : v.at[i];
    while (n > 0xffff)
        n = (n >> 16) + (n & 0xffff);
    return n;
}

/* One packet at the beginning of what was made; its length. */
static size_t check_made(struct view made, const struct packet *seen, bool turned)
{
    must(made.len >= 20);
    bool v4 = made.at[0] == 0x45;
    must(v4 || (made.len >= 40 && made.at[0] == 0x60));
    size_t header = v4 ? 20 : 40, len = (v4 ? 0 : 40) + view_u16(made, v4 ? 2 : 4);
    must(len >= header + 8 && len <= made.len);
    made = view_slice(made, 0, len);
    uint8_t protocol = made.at[v4 ? 9 : 6];
    uint32_t n = protocol == 1 ? 0 : protocol + (uint32_t)(len - header);
    if (protocol != 1)
        n = words(n, view_slice(made, v4 ? 12 : 8, header));
    must(words(n, view_from(made, header)) == 0xffff);
    must(!v4 || words(0, view_slice(made, 0, header)) == 0xffff);
    struct packet p;
    if (seen == NULL)
        return len;
    must(read_packet(made, &p) || seen->l4 == UDP); /* which may look like a tunnel */
    must(seen->l4 == UDP || (ip_equal(&p.src, turned ? &seen->dst : &seen->src) &&
                             p.dst_port == (turned ? seen->src_port : seen->dst_port)));
    return len;
}

static void check_all(struct view made, const struct packet *seen, bool turned)
{
    must(made.len <= FORGE_BYTES);
    while (made.len > 0)
        made = view_from(made, check_made(made, seen, turned));
}

static void check_overwritten(uint8_t *ip, size_t len, const struct packet *p, size_t offset, size_t count)
{
    uint8_t *before = malloc(len);

    if (before == NULL)
        return;
    memcpy(before, ip, len);
    size_t payload = (size_t)(p->payload.at - ip), changed = 0;
    bool done = forge_overwrite(ip, len, p, offset, count, '-');
    for (size_t i = 0; i < len; i++) {
        bool asked = done && i >= payload + offset && i < payload + offset + count;
        must(!asked || ip[i] == '-');
        changed += !asked && ip[i] != before[i];
    }
    must(changed <= (done ? 4u : 0u)); /* two checksums */
    must(!done || offset + count <= p->payload_len);
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t answer[FORGE_BYTES], out[FORGE_BYTES];
    struct packet p = { 0 };

    if (size < 3)
        return 0;
    size_t len = size - 2;
    uint8_t *ip = malloc(len); /* of its own size: a read past the end is caught */
    if (ip == NULL)
        return 0;
    memcpy(ip, data, len);
    check_all(view_of(out, forge_unreachable(view_of(ip, len), out)), NULL, false);
    if (read_packet(view_of(ip, len), &p)) {
        check_all(view_of(out, forge_reset(&p, FORGE_TO_SENDER, false, out)), &p, true);
        check_all(view_of(out, forge_reset(&p, FORGE_TO_RECEIVER, false, out)), &p, false);
        check_all(view_of(out, forge_reset(&p, FORGE_TO_RECEIVER, true, out)), &p, false);
        check_all(view_of(out, forge_answer(&p, view_of(answer, data[size - 1] * 64u), out)), &p, true);
        check_all(view_of(out, forge_no_such_name(&p, out)), &p, true);
        check_overwritten(ip, len, &p, data[size - 2], data[size - 1]);
    }
    free(ip);
    return 0;
}
