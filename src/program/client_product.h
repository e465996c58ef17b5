/* SPDX-License-Identifier: Apache-2.0 */
/* Which program is that? Names of inventories, packages, the wire, NVD and the catalog: client_products.def.
 */
#pragma once
#include "base/view.h"

struct client_product {
    const char *key, *service, *title, *names, *packages, *cpe,
        *platform; /* service "": none of the catalog */
};
enum { CLIENT_PRODUCTS_MOST = 128 };

const struct client_product *client_product_at(unsigned number); /* NULL: behind the last */
const struct client_product *client_product_find(struct view key);
/* "Telegram Desktop version 4.8.1", "Signal.app", "irssi v1.2.3 - running on Linux": the product, and (may be
 * NULL) the version that stands behind the name. NULL: none of ours. `mac`: an application of macOS. */
const struct client_product *client_product_named(struct view text, bool mac, struct view *out_version);
const struct client_product *client_product_package(struct view package);
const struct client_product *client_product_cpe(struct view vendor, struct view product);
const struct client_product *client_product_platform(struct view service, struct view platform);
/* The user agent of WhatsApp, "WhatsApp/2.23.20.0 A": its last letter is the system. `os` gets its name or
 * "". */
const struct client_product *client_product_wire(struct view text, struct view *out_version,
                                                 const char **out_os);
