/* SPDX-License-Identifier: Apache-2.0 */
/* imward status --rules: what each rule of the sensor's policy was good for. */
#pragma once
#include <stdbool.h>

/* Ask the sensor at `path`, print a table or one JSON object. `dead`: only rules that were good for nothing.
 * Returns the exit status. */
int status_rules(const char *path, bool dead, bool json);
