#include "CMantaJSON.h"
#include <simdjson.h>
