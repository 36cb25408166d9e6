// Tables to what they mean and back. Every function appends what is wrong and goes on; what it returns is usable only
// where nothing was.
#pragma once

#include "base/options.h"
#include "base/value.h"
#include "config/config.h"
#include "config/tables.h"

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace everseal::config {

// What may be referred to, collected before anything is read.
struct Known {
  std::set<std::string, std::less<>> issuers, challenges, authorities, profiles, environments, teams;
  std::set<std::string, std::less<>> foreign_issuers;  // CAs with profiles of their own, of which we know nothing
  Unparsed unparsed;

  // A reference to `name`, which is in none of the sets: is there nothing of that name for sure?
  bool is_nowhere(std::string_view name) const { return unparsed.may_define(name) == nullptr; }
};

struct Reader {
  struct Claim {
    std::string key;
    base::Origin origin;
  };

  const Kinds& kinds;
  base::Problems& problems;
  const Known* known = nullptr;                     // null: references are not checked
  std::unordered_map<std::string, Claim> claims{};  // absolute path -> the deployment that writes it
  // Directories as this host resolves them; null: claims are compared as they are written.
  std::unordered_map<std::string, std::string>* places = nullptr;

  void complain(const base::Origin& origin, std::string key, std::string message, std::string hint = {}) {
    problems.push_back({origin, std::move(key), std::move(message), std::move(hint)});
  }
};

// One named table to be read: `key` is its dotted path.
struct Named {
  const Name& name;
  const base::Table& table;
  const std::string& key;
  const base::Origin& origin;
};

Issuer read_issuer(const Named& from, Reader& reader);
Challenge read_challenge(const Named& from, Reader& reader);
Authority read_authority(const Named& from, Reader& reader);
Profile read_profile(const Named& from, Reader& reader);
Endpoint read_endpoint(const Named& from, Reader& reader);
Environment read_environment(const Named& from, Reader& reader);
Team read_team(const Named& from, Reader& reader);
Audit read_audit(const base::Table& table, const base::Origin& origin, Reader& reader);
// The option `environment` or `team`: a label, which is declared where any is.
std::string read_label(const Named& from, std::string_view option, const base::Options& options,
                       const std::set<std::string, std::less<>> Known::*declared_ones, Reader& reader);
Certificate read_certificate(const Named& from, Reader& reader);
// All of `parent`'s table `subtable`, by name.
std::vector<Deployment> read_deployments(const Named& parent, std::string_view subtable, Section section,
                                         Reader& reader);

// A list of identifier patterns, each of a form that could match something.
std::vector<std::string> read_patterns(const Named& from, std::string_view option, const base::Options& options,
                                       Reader& reader);

// The named tables that `value` holds, which must be a table of tables. A bad name is a problem, and its table is read
// all the same, for its own problems, under an empty name.
struct NamedTable {
  Name name;
  std::string key;
  const base::Table* table;
  const base::Origin* origin;

  Named view() const { return {name, *table, key, *origin}; }
};
std::vector<NamedTable> named_tables(const base::Value& value, const std::string& key, std::string_view what,
                                     Reader& reader);

// Reports keys that are neither declared in `tables` nor subtables; those that look like a secret with the advice to
// use a file.
void report_unknown(const base::Table& table, std::initializer_list<std::span<const base::Option>> tables,
                    std::span<const Subtable> subtables, const std::string& key, base::Problems& problems);
// Options::validate over the declared keys alone; all others belong to others or are reported by report_unknown.
base::Options validate_declared(const base::Table& table, std::span<const base::Option> declared,
                                const std::string& key, const base::Origin& origin, base::Problems& problems);
// Both, of a table that has no kind.
base::Options read_options(const Named& from, Section section, Reader& reader);
// The same table in normal form (see Deployment::written).
base::Table normalise(const base::Table& table, std::span<const base::Option> declared, const base::Options& options);

// The origin of a value of a table, or the table's own.
const base::Origin& origin_of(const base::Table& table, std::string_view key, const base::Origin& otherwise);
// The origin of the `index`th item of a list.
const base::Origin& origin_of_item(const base::Table& table, std::string_view key, std::size_t index,
                                   const base::Origin& otherwise);
// The kind that the key `option` names, which the table must say; a missing or unknown one is a problem, and null.
const KindOptions* find_kind(const Named& from, std::span<const KindOptions> kinds, Reader& reader,
                             std::string_view option = "type");

// The table that read_certificate reads back to the same certificate, but for its name and origins.
base::Table to_table(const Certificate& certificate);
base::Table to_table(const Deployment& deployment);

}  // namespace everseal::config
