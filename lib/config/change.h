// A certificate's table, made of what a person named or changed by it.
#pragma once

#include "config/config.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace everseal::config {

// Options of one certificate as [certificate.NAME] would hold them, with `deploy`. What a command line says has its
// option as origin, with line 0.

// `options` over what `certificate` has: a key that is named takes the place of the earlier one, in `deploy` each
// deployment's keys by themselves; all else stays.
base::Table changed(const Certificate& certificate, const base::Table& options);

// What a certificate of these options would be, with references as they stand in `config`. Throws Error(usage) that
// lists all that is wrong, each by its option.
Certificate make_certificate(const Name& name, const base::Table& options, const Settings& config, const Kinds& kinds);

// "identifiers: a.example.org -> a.example.org, b.example.org", one for each key that differs, by the config's names.
std::vector<std::string> differences(const Certificate& before, const Certificate& after);

// The TOML `text`, in which `before` is written, with those keys of `options` set that differ in `after`: a value that
// stands there is replaced where it stands, a new one follows the table's last, a new deployment is added at the end.
// All else, comments among it, stays as it is. nullopt where the table is written in a form in which that cannot be
// done.
std::optional<std::string> edited(const std::string& text, const Certificate& before, const Certificate& after,
                                  const base::Table& options);

}  // namespace everseal::config
