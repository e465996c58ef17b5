/* SPDX-License-Identifier: Apache-2.0 */
/* The sensor's own sandbox, made from its options and from what the policy says of content. */
#pragma once
#include "sensor/carried.h"
#include "sensor/sandbox.h"
#include "sensor/sensor.h"

/*
 * Give up all that the sensor with these options does not need, for the process and for ever, and log what is
 * in force. *out is filled in any case. With --no-sandbox nothing is given up, which is logged, too. False:
 * err says what could not be closed, and the process must not go on.
 */
bool confine(const struct sensor_config *c, const struct carried_content *content, struct sandbox_status *out,
             struct imw_error_info *err);
