/* SPDX-License-Identifier: Apache-2.0 */
/* The catalog that is built into the program: its image is made from catalog/ by catalogc when we are built.
 */
#include "identify/catalog.h"
#include "identify/catalog_format.h"

bool catalog_builtin(struct catalog **out, struct imw_error_info *err)
{
    return catalog_open_image("built-in catalog", (uint8_t *)(uintptr_t)catalog_builtin_image,
                              catalog_builtin_size, false, out, err);
}
