#include "tidewire/status.hpp"
