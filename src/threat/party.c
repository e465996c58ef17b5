/* SPDX-License-Identifier: Apache-2.0 */
/* Accounts as keys: of one service, ASCII case folded, since servers fold it too. */
#include "threat/party.h"
#include "base/hash.h"

uint64_t hash_folded(struct view name)
{
    uint64_t hash = name.len;

    for (size_t i = 0; i < name.len; i++)
        hash = hash_words(ascii_lower(name.at[i]), i, hash);
    return hash;
}

static uint64_t key_of(uint16_t service, struct view name)
{
    uint64_t key = hash_words(hash_folded(name), service, 0);
    return key + (key == 0);
}

bool party_of(const struct scene *s, struct view account, bool inside, struct party *out)
{
    struct text name = TEXT(out->name);
    uint16_t service = s->flow != NULL ? s->flow->service : 0;

    account = view_trim(account);
    if (account.len > 0)
        text_printable(&name, account);
    else if (!inside || s->flow == NULL)
        return false;
    else if (s->client != NULL && s->client->user[0] != '\0')
        text_string(&name, s->client->user);
    else
        text_address(&name, &s->flow->key.addr[FROM_CLIENT]);
    out->key = key_of(service, account.len > 0 ? account : view_of(out->name, name.len));
    return true;
}

bool party_pair(const struct scene *s, struct view from, struct view to, struct view room, bool outgoing,
                struct party *out_from, struct party *out_to)
{
    return room.len == 0 && party_of(s, from, outgoing, out_from) && party_of(s, to, !outgoing, out_to) &&
           out_from->key != out_to->key;
}

void text_clock(struct text *t, uint64_t time_us)
{
    unsigned second = (unsigned)(time_us / 1000000 % 86400);

    text_format(t, "%02u:%02u:%02u", second / 3600, second / 60 % 60, second % 60);
}
