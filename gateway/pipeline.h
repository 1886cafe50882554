/* The one table that orders the stages of an exchange. */
#pragma once

#include "gateway/core/pipeline.h"

extern const struct pipeline gateway_pipeline;
