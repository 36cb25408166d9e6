// Files and directory trees, looked through for certificates by several threads.
#pragma once

#include "discover/found.h"
#include "discover/passwords.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <stop_token>
#include <string>
#include <vector>

namespace everseal::discover {

// Those that are followed come after all else, in the order of their names, so that what lies in the trees themselves
// keeps its name there and the rest has the name of the first link to it. Not followed are those to a directory that a
// root lies in, and those of a directory that OpenSSL searches by hash. The directory `.everseal`, where a deployment
// keeps its versions, is not entered then: what is in use has the name that servers read, and an earlier version that
// is kept to go back to is served to nobody.
enum class Links { stay, follow };
enum class Devices { of_the_root, all };

struct Limits {
  int depth = 64;                                 // directories below a root
  std::uint64_t files = 10'000'000;               // regular files looked at
  std::size_t file_size = std::size_t{16} << 20;  // octets
};

// Asked from several threads at once, before a file is opened: true where the caller has read this very state of it.
using Known = std::function<bool(const std::string& path, const Stamp& stamp)>;

struct Walk {
  std::vector<std::string> roots;     // files or directories; links among them are followed, and large files told
  std::vector<std::string> excluded;  // paths as the walk writes them: a root, then the names below it
  Links links = Links::stay;          // of those in the trees
  Devices devices = Devices::of_the_root;
  Limits limits;
  int threads = 0;  // 0: as many as there are cores
  Known known;      // may be empty
};

struct Summary {
  std::uint64_t files = 0;          // regular files that were looked at
  std::uint64_t read = 0;           // of them, opened
  std::uint64_t unchanged = 0;      // of them, known
  std::uint64_t repeated = 0;       // of them, seen under another name already: hard links, links, overlapping roots
  std::uint64_t special = 0;        // FIFOs, sockets and devices, passed over
  std::uint64_t links = 0;          // symbolic links that were not followed, or that lead nowhere
  std::uint64_t other_devices = 0;  // directories and files on other devices, and kernel file systems, passed over
  std::uint64_t directories = 0;    // that were entered
  std::uint64_t certificates = 0;
  std::uint64_t troubles = 0;
  bool is_whole = true;  // false: stopped by `stop`, or by the limit of files
};

// What was passed over, for a person: "2 symbolic links, 1 path on other devices or of the kernel's"; "" for nothing.
// FIFOs, sockets and devices are not spoken of.
std::string passed_over(const Summary& summary);

// Calls `see` on the caller's thread, one file at a time in no order, for each file that was read or is known, also
// where it holds nothing, so that its stamp can be kept; each inode comes once. Memory is bounded whatever stands
// there: results wait for `see`. What `see` throws ends the walk and leaves it. No FIFO, socket or device is opened,
// and nothing below /proc, /sys and the like is read.
Summary walk(const Walk& walk, const Passwords& passwords, const std::function<void(File&&)>& see,
             std::stop_token stop);

// One file that somebody named, links followed. What cannot be read, or not wholly, is a trouble.
File look_at_file(const std::string& path, const Passwords& passwords, const Limits& limits = {});

}  // namespace everseal::discover
