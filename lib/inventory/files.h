// Files as they were when they were read, so that what is unchanged is not read again.
#pragma once

#include "base/encoding.h"
#include "base/time.h"
#include "inventory/store.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace everseal::inventory {

struct FileRecord {
  std::string path;
  std::string stamp;  // what tells that it is the same still
  int reader = 0;     // grows when files are read otherwise than before
  base::Time read;    // when that was
  base::Bytes holds;  // in the words of who read it; empty: nothing
};

class Files {
 public:
  explicit Files(Store& store) : store_(store) {}

  // In the place of what was known of these paths. Joins or makes one transaction.
  void put(std::span<const FileRecord> files);
  // Those of this reader at `root`, a path without a slash at its end, and below it, in the order of their paths.
  struct Known {
    std::string_view path, stamp;  // as long as the call
    bool is_empty = false;         // it holds nothing
  };
  void each_below(const std::string& root, int reader, const std::function<void(const Known&)>& row);
  std::optional<base::Bytes> holds(const std::string& path);
  void forget(std::span<const std::string> paths);

  // Takes away up to `limit` that were read before then. Gives how many went.
  std::int64_t prune(base::Time before, int limit);

 private:
  Store& store_;
};

}  // namespace everseal::inventory
