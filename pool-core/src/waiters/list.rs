//! The doubly linked lists through the slab of waiters.

use super::Waiters;

/// No node.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: usize,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };
}

/// One of the lists.
#[derive(Debug, Clone, Copy)]
pub(super) enum Which {
    /// In line, of one priority.
    Waiting(usize),
    /// Served, not picked up.
    Granted,
}

impl<T, F> Waiters<T, F> {
    fn list(&mut self, which: Which) -> &mut List {
        match which {
            Which::Waiting(priority) => &mut self.waiting[priority],
            Which::Granted => &mut self.granted,
        }
    }

    /// A node that is not granted is in line, or in no list.
    pub(super) fn is_waiting(&mut self, priority: usize, index: u32) -> bool {
        let head = self.waiting[priority].head;
        let node = self.node(index);
        node.prev != NONE || node.next != NONE || head == index
    }

    pub(super) fn link_back(&mut self, which: Which, index: u32) {
        let tail = std::mem::replace(&mut self.list(which).tail, index);
        self.list(which).len += 1;
        let node = self.node(index);
        node.prev = tail;
        node.next = NONE;
        match tail {
            NONE => self.list(which).head = index,
            tail => self.node(tail).next = index,
        }
    }

    pub(super) fn link_front(&mut self, which: Which, index: u32) {
        let head = std::mem::replace(&mut self.list(which).head, index);
        self.list(which).len += 1;
        let node = self.node(index);
        node.prev = NONE;
        node.next = head;
        match head {
            NONE => self.list(which).tail = index,
            head => self.node(head).prev = index,
        }
    }

    pub(super) fn unlink(&mut self, which: Which, index: u32) {
        let node = self.node(index);
        let (prev, next) = (node.prev, node.next);
        node.prev = NONE;
        node.next = NONE;
        match prev {
            NONE => self.list(which).head = next,
            prev => self.node(prev).next = next,
        }
        match next {
            NONE => self.list(which).tail = prev,
            next => self.node(next).prev = prev,
        }
        self.list(which).len -= 1;
        if let Which::Waiting(priority) = which
            && self.waiting[priority].head == NONE
        {
            // Nobody is left who was passed over.
            self.passed[priority] = 0;
        }
    }
}
