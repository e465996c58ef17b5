/* SPDX-License-Identifier: Apache-2.0 */
/* What the catalog says of services, for lists that know them by their slugs. */
#pragma once
#include "base/error.h"
#include "base/json_value.h"

/* Put "name" and "class" into each object of a list by its "service"; one that the catalog does not know
 * keeps its slug as its name. */
bool services_describe(json_t *list, struct imw_error_info *err) IMW_MUST_USE;
