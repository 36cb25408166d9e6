// The options that certbot itself knows.
#pragma once

#include <string_view>

namespace everseal::importer {

// As its cli.ini writes them, with '-' or '_' between words; those of DNS plugins too.
bool is_certbot_option(std::string_view name);

}  // namespace everseal::importer
