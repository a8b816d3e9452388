#include "CMantaHTTP.h"
