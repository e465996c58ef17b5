/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Community ID v1: a name for a flow on which all network monitors agree.
 * Source: github.com/corelight/community-id-spec: "1:" base64(SHA-1(seed16 | address | address | protocol | 0
 * | port | port)), the smaller (address, port) first.
 */
/* The calls of OpenSSL 1.1.1: SHA1() of 3.0 looks its algorithm up under a lock and takes heap, each time. */
#define OPENSSL_API_COMPAT 10101
#include "flow/flow.h"
#include <openssl/evp.h>
#include <openssl/sha.h>

void flow_community_id(const struct flow_key *key, char *out)
{
    bool v4 = ip_is_v4(&key->addr[0]) && ip_is_v4(&key->addr[1]);
    size_t from = v4 ? 12 : 0, len = v4 ? 4 : 16, n = 2;
    int order = memcmp(key->addr[0].octet + from, key->addr[1].octet + from, len);
    unsigned first = order < 0 || (order == 0 && key->port[0] <= key->port[1]) ? 0 : 1;
    SHA_CTX sha;
    uint8_t in[2 + 16 + 16 + 2 + 4] = { 0 }, digest[SHA_DIGEST_LENGTH];

    for (unsigned i = 0; i < 2; i++, n += len)
        memcpy(in + n, key->addr[first ^ i].octet + from, len);
    in[n++] = key->l4;
    in[n++] = 0;
    for (unsigned i = 0; i < 2; i++) {
        in[n++] = (uint8_t)(key->port[first ^ i] >> 8);
        in[n++] = (uint8_t)key->port[first ^ i];
    }
    SHA1_Init(&sha);
    SHA1_Update(&sha, in, n);
    SHA1_Final(digest, &sha);
    memcpy(out, "1:", 2);
    EVP_EncodeBlock((unsigned char *)out + 2, digest, sizeof digest);
}
