/* SPDX-License-Identifier: BSD-3-Clause */
#include "datapath/pipe/meter.h"

int
meter_init(struct meter *meter, const struct meter_conf *conf)
{
	meter->conf = *conf;
	return 0;
}

bool
meter_pass(struct meter *meter, uint32_t bytes, uint64_t now_ns)
{
	return true;
}
