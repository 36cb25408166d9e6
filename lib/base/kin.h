// The processes that a started program has around it, as /proc shows them.
#pragma once

#include <vector>

#include <sys/types.h>

namespace everseal::base {

// The session that a program leads, and its descendants in sessions of their own. What has left the session and whose
// parent has ended is not known any more: it looks like a daemon, and is left alone like one.
class Kin {
 public:
  explicit Kin(pid_t leader) : leader_(leader) {}
  // To all of them that there are and that were seen before; to the group alone where there is no /proc.
  void signal(int number);

 private:
  struct Relative {
    pid_t process;
    unsigned long long start;  // clock ticks since boot: tells it from another one with its number
  };
  bool look();

  pid_t leader_;
  std::vector<Relative> known_;
};

}  // namespace everseal::base
