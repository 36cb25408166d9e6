// What one thread leaves for another.
#pragma once

#include "probe/loop.h"

#include <mutex>
#include <utility>
#include <vector>

namespace everseal::probe {

template <class Item>
class Inbox {
 public:
  explicit Inbox(const Loop& owner) : owner_(owner) {}

  // Takes all of `items`, and wakes the owner's loop. From any thread.
  void put(std::vector<Item>& items) {
    if (items.empty()) return;
    {
      const std::scoped_lock lock(mutex_);
      for (Item& item : items) items_.push_back(std::move(item));
    }
    items.clear();
    owner_.wake();
  }
  std::vector<Item> take() {
    const std::scoped_lock lock(mutex_);
    return std::exchange(items_, {});
  }

 private:
  const Loop& owner_;
  std::mutex mutex_;
  std::vector<Item> items_;
};

}  // namespace everseal::probe
