// How subject alternative names are stored, so that one index answers "this name" and "everything below that domain".
#pragma once

#include "pki/name.h"

#include <string>
#include <string_view>

namespace everseal::inventory {

// DNS names in lower case with their labels reversed ("org.example.www"); others behind their kind ("ip:10.0.0.1").
std::string stored_form(const pki::GeneralName& name);

// What a person typed as a name to search for, in the same form; IDN and IP literals are normalised where they parse.
std::string searched_form(std::string_view text);

// "*.example.org" or ".example.org"
bool is_suffix(std::string_view text) noexcept;

struct NameRange {
  std::string first;
  std::string end;  // exclusive
};
// Everything below the domain of a suffix.
NameRange range_below(std::string_view suffix);

}  // namespace everseal::inventory
