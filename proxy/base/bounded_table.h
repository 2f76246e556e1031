#pragma once

#include <cassert>
#include <cstddef>
#include <functional>
#include <list>
#include <unordered_map>

namespace gatepost {

/// Remembers a Value for each of at most `capacity` keys. When it is full, what was touched longest
/// ago makes room.
template <class Key, class Value, class Hash = std::hash<Key>>
class BoundedTable {
 public:
  explicit BoundedTable(std::size_t capacity) : capacity_(capacity) { assert(capacity > 0); }

  /// nullptr: not there. Valid until the next touch(), erase() or drop_oldest().
  [[nodiscard]] Value* find(const Key& key) {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->value;
  }
  [[nodiscard]] const Value* find(const Key& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->value;
  }

  /// The value of `key`, which is made if it is not there, and is now the last one to go. Valid as
  /// with find().
  Value& touch(const Key& key) {
    if (const auto found = index_.find(key); found != index_.end()) {
      order_.splice(order_.begin(), order_, found->second);
      return found->second->value;
    }
    if (order_.size() == capacity_) drop_oldest();
    order_.push_front({key, Value{}});
    index_.emplace(key, order_.begin());
    return order_.front().value;
  }

  void erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    order_.erase(found->second);
    index_.erase(found);
  }

  /// nullptr: the table is empty. Valid as with find().
  [[nodiscard]] const Value* oldest() const {
    return order_.empty() ? nullptr : &order_.back().value;
  }
  /// The table is not empty.
  void drop_oldest() {
    index_.erase(order_.back().key);
    order_.pop_back();
  }

  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    Key key;
    Value value;
  };
  std::size_t capacity_;
  std::list<Entry> order_;  // touched last first
  std::unordered_map<Key, typename std::list<Entry>::iterator, Hash> index_;
};

}  // namespace gatepost
