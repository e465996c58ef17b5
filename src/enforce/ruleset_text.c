/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules as text. Both directions of a connection must come to one worker: of several queues the kernel takes
 * one by a hash of the two addresses, lower first (nfqueue_hash() in its net/netfilter/nf_queue.h), for nft
 * and iptables alike; the "fanout" flag of either would go by CPU instead.
 *
 * What passes goes on to the rules behind ours: in our own chain of nftables by "accept", which ends that
 * chain alone; in that of iptables by RETURN. Ours is the last rule of FORWARD there, since what came back
 * from a queue goes on behind all rules of its table, and those of others (TCPMSS) are to be met.
 *
 * nft cannot join bits of two marks, but it need not: a mark that is saved is one of two known values.
 */
#include "enforce/ruleset_text.h"
#include <inttypes.h>

/* ---- what is told ---- */

static bool name_fits(const char *name)
{
    size_t len = strlen(name);

    if (len == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!letter && c != '_' && c != '.' && c != '@' && (c != '-' || i == 0))
            return false;
    }
    return true;
}

bool ruleset_check(const struct ruleset_config *config, struct imw_error_info *err)
{
    if (config->queues == 0 || config->first_queue + config->queues - 1 > UINT16_MAX)
        return error_set(err, IMW_ERROR_VALUE,
                         "packet queues from %u on, %u of them: 0 to 65535 are possible", config->first_queue,
                         config->queues);
    if (config->interface_count > RULESET_INTERFACES)
        return error_set(err, IMW_ERROR_VALUE, "%u interfaces: %u are possible", config->interface_count,
                         RULESET_INTERFACES);
    for (unsigned i = 0; i < config->interface_count; i++)
        if (!name_fits(config->interfaces[i]))
            return error_set(err, IMW_ERROR_VALUE,
                             "interface '%s': letters, digits, '_', '.', '@' and '-' make a name",
                             config->interfaces[i]);
    return true;
}

/* ---- nft ---- */

static const char nft[] = "inet imward";

static void nft_names(struct text *t, const struct ruleset_config *config)
{
    for (unsigned i = 0; i < config->interface_count; i++)
        text_format(t, "%s\"%s\"", i > 0 ? ", " : "{ ", config->interfaces[i]);
    text_string(t, " }");
}

/* The beginning of a rule: packets between our interfaces. Ports of a bridge are not seen here. */
static void nft_rule(struct text *t, const struct ruleset_config *config, const char *chain)
{
    text_format(t, "add rule %s %s ", nft, chain);
    if (config->interface_count > 0 && !config->bridge) {
        text_string(t, "iifname ");
        nft_names(t, config);
        text_string(t, " oifname ");
        nft_names(t, config);
        text_char(t, ' ');
    }
}

static void nft_queue(struct text *t, const struct ruleset_config *config)
{
    text_format(t, "queue %sto %u", config->fail_open ? "flags bypass " : "", config->first_queue);
    if (config->queues > 1)
        text_format(t, "-%u", config->first_queue + config->queues - 1u);
}

static void nft_flow_table(struct text *t, const struct ruleset_config *config, const char *name)
{
    text_format(t, "add flowtable %s %s { hook ingress priority filter; devices = ", nft, name);
    nft_names(t, config);
    text_string(t, "; counter; }\n");
}

/* A packet with this mark: it becomes the connection's, whose other bits stay. */
static void nft_save(struct text *t, uint32_t mark)
{
    text_format(t,
                "add rule %s behind meta mark & 0x%08" PRIx32 " == 0x%08" PRIx32
                " ct mark set ct mark & 0x%08" PRIx32 " | 0x%08" PRIx32 "\n",
                nft, MARK_MASK, mark, ~MARK_MASK, mark);
}

/* The rules before the queue and behind it, into empty chains. */
static void nft_rules(struct text *t, const struct ruleset_config *config, const struct ruleset_info *info,
                      unsigned generation)
{
    uint32_t pass = mark_of(generation, MARK_PASS), drop = mark_of(generation, MARK_DROP);

    if (info->kind == RULESET_NFT) {
        if (info->flow_table) {
            nft_rule(t, config, "before");
            text_format(t, "ct mark & 0x%08" PRIx32 " == 0x%08" PRIx32 " flow add @flows_%u\n", MARK_MASK,
                        pass, generation);
        }
        nft_rule(t, config, "before"); /* ends come to the queue, so that flows end when they do */
        text_format(t, "tcp flags & (fin | rst) == 0 ct mark & 0x%08" PRIx32 " == 0x%08" PRIx32 " accept\n",
                    MARK_MASK, pass);
        nft_rule(t, config, "before");
        text_format(t, "meta l4proto != tcp ct mark & 0x%08" PRIx32 " == 0x%08" PRIx32 " accept\n", MARK_MASK,
                    pass);
        nft_rule(t, config, "before");
        text_format(t, "ct mark & 0x%08" PRIx32 " == 0x%08" PRIx32 " counter drop\n", MARK_MASK, drop);
        /* A wrong checksum, numbers outside of the window: the receiver would not take it, so nor do we. */
        nft_rule(t, config, "before");
        text_string(t, "meta l4proto { tcp, udp } ct state invalid counter drop\n");
        nft_rule(t, config, "before");
        text_string(t, "meta l4proto { tcp, udp } counter ");
        nft_queue(t, config);
        text_char(t, '\n');
    }
    /* Most packets: what the rule before the queue let pass, and what has no new mark. */
    text_format(t, "add rule %s behind meta mark & 0x%08" PRIx32 " == 0 accept\n", nft, MARK_MASK);
    nft_save(t, pass);
    nft_save(t, drop);
    /* Of another generation too, one that is judged while the rules change. */
    text_format(t, "add rule %s behind meta mark & 0x%08" PRIx32 " > 0x%08" PRIx32 " counter drop\n", nft,
                MARK_MASK & ~MARK_PASS, MARK_DROP);
    text_format(
        t, "add rule %s behind meta mark & 0x%08" PRIx32 " != 0 meta mark set meta mark & 0x%08" PRIx32 "\n",
        nft, MARK_MASK, ~MARK_MASK);
}

void ruleset_nft_install(struct text *t, const struct ruleset_config *config, const struct ruleset_info *info,
                         unsigned generation, const char *const notes[])
{
    text_format(t, "add table %s\ndelete table %s\nadd table %s\n", nft, nft, nft); /* one that is not there
                                                                                       cannot be deleted */
    text_format(t, "add chain %s generation_%u\n", nft, generation);
    for (unsigned i = 0; notes[i] != NULL; i++)
        text_format(t, "add chain %s %s\n", nft, notes[i]);
    if (config->endpoints) {
        text_format(t, "add set %s blocked4 { type ipv4_addr; flags timeout; }\n", nft);
        text_format(t, "add set %s blocked6 { type ipv6_addr; flags timeout; }\n", nft);
        text_format(t, "add chain %s endpoints { type filter hook forward priority mangle - 1; }\n", nft);
        for (unsigned i = 0; i < 4; i++) {
            nft_rule(t, config, "endpoints");
            text_format(t, "%s %saddr @blocked%u counter drop\n", i < 2 ? "ip" : "ip6",
                        i % 2 == 0 ? "d" : "s", i < 2 ? 4u : 6u);
        }
    }
    if (info->flow_table) {
        char name[16];
        struct text n = TEXT(name);
        text_format(&n, "flows_%u", generation);
        nft_flow_table(t, config, name);
    }
    if (info->kind == RULESET_NFT)
        text_format(t, "add chain %s before { type filter hook forward priority mangle; }\n", nft);
    text_format(t, "add chain %s behind { type filter hook forward priority mangle + 1; }\n", nft);
    nft_rules(t, config, info, generation);
}

void ruleset_nft_switch(struct text *t, const struct ruleset_config *config, const struct ruleset_info *info,
                        unsigned from, unsigned to)
{
    if (info->kind == RULESET_NFT)
        text_format(t, "flush chain %s before\n", nft);
    text_format(t, "flush chain %s behind\n", nft);
    if (from != to)
        text_format(t, "delete chain %s generation_%u\nadd chain %s generation_%u\n", nft, from, nft, to);
    if (info->flow_table && from != to) { /* with it go the flows that are in it */
        char name[16];
        struct text n = TEXT(name);
        text_format(&n, "flows_%u", to);
        text_format(t, "delete flowtable %s flows_%u\n", nft, from);
        nft_flow_table(t, config, name);
    }
    nft_rules(t, config, info, to);
}

void ruleset_nft_probe_queue(struct text *t)
{
    text_string(t, "add table inet imward_probe\nadd chain inet imward_probe probe\n"
                   "add rule inet imward_probe probe queue flags bypass to 0-1\n");
}

void ruleset_nft_probe_flow_table(struct text *t, const struct ruleset_config *config)
{
    text_string(t, "add table inet imward_probe\n"
                   "add flowtable inet imward_probe probe { hook ingress priority filter; devices = ");
    nft_names(t, config);
    text_string(t, "; counter; }\n"
                   "add chain inet imward_probe probe { type filter hook forward priority mangle; }\n"
                   "add rule inet imward_probe probe flow add @probe\n");
}

/* ---- iptables ---- */

static const char to[] = RULESET_CHAIN "-TO", asks[] = RULESET_CHAIN "-ASK";

static void iptables_jumps(struct text *t, unsigned jumps)
{
    for (unsigned i = 0; i < jumps; i++)
        text_string(t, "-D FORWARD -j " RULESET_CHAIN "\n");
}

static void iptables_rules(struct text *t, const struct ruleset_config *config, unsigned generation)
{
    static const char *const protocols[] = { "tcp", "udp" };

    /* Ends come to the queue, so that flows end when they do. */
    text_format(t,
                "-A %s -p tcp -m connmark --mark 0x%08" PRIx32 "/0x%08" PRIx32
                " -m tcp --tcp-flags FIN,RST NONE -j RETURN\n",
                asks, mark_of(generation, MARK_PASS), MARK_MASK);
    text_format(t, "-A %s ! -p tcp -m connmark --mark 0x%08" PRIx32 "/0x%08" PRIx32 " -j RETURN\n", asks,
                mark_of(generation, MARK_PASS), MARK_MASK);
    text_format(t, "-A %s -m connmark --mark 0x%08" PRIx32 "/0x%08" PRIx32 " -j DROP\n", asks,
                mark_of(generation, MARK_DROP), MARK_MASK);
    /* A wrong checksum, numbers outside of the window: the receiver would not take it, so nor do we. */
    for (unsigned i = 0; i < 2; i++)
        text_format(t, "-A %s -p %s -m conntrack --ctstate INVALID -j DROP\n", asks, protocols[i]);
    for (unsigned i = 0; i < 2; i++) {
        text_format(t, "-A %s -p %s -j NFQUEUE ", asks, protocols[i]);
        if (config->queues > 1)
            text_format(t, "--queue-balance %u:%u", config->first_queue,
                        config->first_queue + config->queues - 1u);
        else
            text_format(t, "--queue-num %u", config->first_queue);
        text_string(t, config->fail_open ? " --queue-bypass\n" : "\n");
    }
}

void ruleset_iptables_install(struct text *t, const struct ruleset_config *config, unsigned generation,
                              unsigned jumps)
{
    text_format(t, "*mangle\n:%s - [0:0]\n:%s - [0:0]\n:%s - [0:0]\n", RULESET_CHAIN, to, asks);
    iptables_jumps(t, jumps);
    for (unsigned i = 0; i < config->interface_count; i++) {
        const char *name = config->interfaces[i];

        text_format(t, "-A " RULESET_CHAIN " -i %s -g %s\n-A %s -o %s -g %s\n", name, to, to, name, asks);
        if (config->bridge)
            text_format(t,
                        "-A " RULESET_CHAIN " -m physdev --physdev-in %s -g %s\n"
                        "-A %s -m physdev --physdev-out %s -g %s\n",
                        name, to, to, name, asks);
    }
    if (config->interface_count == 0)
        text_format(t, "-A " RULESET_CHAIN " -g %s\n", asks);
    iptables_rules(t, config, generation);
    text_string(t, "-A FORWARD -j " RULESET_CHAIN "\nCOMMIT\n");
}

void ruleset_iptables_switch(struct text *t, const struct ruleset_config *config, unsigned generation)
{
    text_format(t, "*mangle\n:%s - [0:0]\n", asks);
    iptables_rules(t, config, generation);
    text_string(t, "COMMIT\n");
}

void ruleset_iptables_remove(struct text *t, unsigned jumps)
{
    text_string(t, "*mangle\n");
    iptables_jumps(t, jumps);
    text_format(t, "-F " RULESET_CHAIN "\n-F %s\n-F %s\n", to, asks);
    text_format(t, "-X " RULESET_CHAIN "\n-X %s\n-X %s\nCOMMIT\n", to, asks);
}
