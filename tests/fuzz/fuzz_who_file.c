/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the list of who is at which address: the input is the list. What loads is asked, and what it
 * says is as bounded as all names are. */
#include "sensor/who_file.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const asked[] = { "10.20.0.17", "10.20.40.1", "2001:db8::1", "0.0.0.1", "ffff::" };
    struct imw_error_info err = { 0 };
    struct who_file *f;

    if (!who_file_parse("fuzz", view_of(data, size), 1, &f, &err))
        return err.code == IMW_OK ? abort(), 0 : 0;
    for (unsigned i = 0; i < sizeof asked / sizeof asked[0]; i++) {
        struct known_who who = { 0 };
        struct ip_addr a;
        if (!ip_parse(view_string(asked[i]), &a))
            abort();
        bool told = who_file_tell(f, &a, &who);
        if (told != (who.user_source == WHO_FILE || who.host_source == WHO_FILE) ||
            memchr(who.user, '\0', sizeof who.user) == NULL ||
            memchr(who.host, '\0', sizeof who.host) == NULL)
            abort();
    }
    who_file_free(f);
    return 0;
}
