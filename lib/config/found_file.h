// conf.d/found@<source>.toml: tables of what was found on this host, which nobody typed. Each stands below a line that
// says what it is of and carries a digest: what somebody changed since it was written is his.
#pragma once

#include "config/fragment.h"

#include <functional>
#include <string>
#include <vector>

namespace everseal::config {

struct FoundTable {
  std::string key;       // what makes it the same one next time, one line: "endpoint 127.0.0.1:443 as www.example.org"
  std::string family;    // "endpoint", "certificate"
  std::string proposed;  // its name, where that is free; any text
  base::Table options;
  std::string comment;  // for people, one line: where it was found
  // proposed: each line behind '#', for somebody to decide on.
  enum class Stands { in_force, proposed } stands = Stands::in_force;
};

struct FoundChange {
  // kept: somebody changed it, so that it stays as it is, whatever was found.
  enum class Kind { appeared, changed, gone, kept } kind;
  std::string table;  // as one writes it in a header: "endpoint.shop"
  std::string key;    // as FoundTable has it
  std::string text;   // for people, printable: where it was found, or what is other than it was
};

struct FoundPlan {
  std::string source;
  std::string path;
  std::string before, after;         // of the file; equal where nothing is to be written, "" where there is none
  std::vector<FoundChange> changes;  // in the order of the file, what is gone last
  std::size_t unsure = 0;            // tables that were not found, and were not looked for either: they stay
};

// What the file of `source` (a word: "nginx") becomes so that it holds `tables`. A table that is there keeps its name;
// a new one gets one that no file of the config uses. Error(config) where the config would be wrong with it.
// One that is not found goes, but where `was_looked_for` denies its key; an empty function: everything was.
FoundPlan plan_found(const Files& files, const std::string& source, const std::vector<FoundTable>& tables,
                     const Kinds& kinds, const std::function<bool(const std::string& key)>& was_looked_for = {});
// Durable and atomic; what stood there is kept as <file>.bak. Nothing where the plan changes nothing. Error(io) with
// what to do where the caller may not write there.
void write_found(const Files& files, const FoundPlan& plan);

}  // namespace everseal::config
