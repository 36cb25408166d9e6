// What is remembered of the config's files, so that unchanged ones are not parsed again and broken ones have a
// stand-in.
#pragma once

#include "inventory/store.h"

#include <map>
#include <string>

namespace everseal::inventory {

struct ConfigFileRecord {
  std::string digest;    // of the text that was last read without a problem; "" where there was one since
  std::string settings;  // TOML of its tables but the certificates, as they were last good; "" where it has none
  bool operator==(const ConfigFileRecord&) const = default;
};

class ConfigFiles {
 public:
  explicit ConfigFiles(Store& store) : store_(store) {}

  std::map<std::string, ConfigFileRecord> all();  // by path; none where the schema is older
  void put(const std::string& path, const ConfigFileRecord& record);
  void remove(const std::string& path);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
