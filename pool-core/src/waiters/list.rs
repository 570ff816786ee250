//! The doubly linked lists through the slab of waiters: a line for each priority.
//!
//! What is done at the head touches no other node, since those lie in other threads' caches.

use super::node::Flags;
use super::{Gift, Waiters};

/// No node.
pub(super) const NONE: u32 = u32::MAX;

#[derive(Debug, Clone, Copy)]
pub(super) struct List {
    pub(super) head: u32,
    pub(super) tail: u32,
    pub(super) len: u32,
}

impl List {
    pub(super) const EMPTY: Self = Self { head: NONE, tail: NONE, len: 0 };

    /// The first leaves; `next` is the one after it.
    #[inline(always)]
    pub(super) fn go_on_to(&mut self, next: u32) {
        self.len -= 1;
        self.head = next;
        if next == NONE {
            self.tail = NONE;
        }
    }
}

impl<T: Gift, F> Waiters<T, F> {
    #[inline(always)]
    pub(super) fn link_back(&mut self, list: usize, index: u32) {
        let tail = std::mem::replace(&mut self.waiting[list].tail, index);
        self.waiting[list].len += 1;
        let node = self.node(index);
        node.flags.set(Flags::LINKED, true);
        node.prev = tail;
        node.next = NONE;
        match tail {
            NONE => self.waiting[list].head = index,
            tail => self.node(tail).next = index,
        }
    }

    pub(super) fn link_front(&mut self, list: usize, index: u32) {
        let head = std::mem::replace(&mut self.waiting[list].head, index);
        self.waiting[list].len += 1;
        let node = self.node(index);
        node.flags.set(Flags::LINKED, true);
        node.prev = NONE;
        node.next = head;
        match head {
            NONE => self.waiting[list].tail = index,
            head => self.node(head).prev = index,
        }
    }

    /// Those who were given something, and those of them who have come for it.
    pub(super) fn served(&self) -> impl Iterator<Item = u32> {
        let some = |index: u32| Some(index).filter(|index| *index != NONE);
        let next = move |index: &u32| some(self.nodes[*index as usize].next);
        std::iter::successors(some(self.served.head), next)
    }

    /// Takes one out of those who were given something. Seldom: it goes through them.
    pub(super) fn unserve(&mut self, index: u32) {
        let next = self.node(index).next;
        let before = self.served().take_while(|other| *other != index).last();
        match before {
            None => self.served.head = next,
            Some(before) => self.node(before).next = next,
        }
        if next == NONE {
            self.served.tail = before.unwrap_or(NONE);
        }
    }

    /// The first in line leaves it.
    #[inline(always)]
    pub(super) fn pop_front(&mut self, list: usize) {
        let node = self.nodes.get_mut(self.waiting[list].head as usize);
        let Some(node) = node else {
            return;
        };
        node.flags.set(Flags::LINKED, false);
        let next = node.next;
        self.waiting[list].go_on_to(next);
    }

    pub(super) fn unlink(&mut self, list: usize, index: u32) {
        if self.waiting[list].head == index {
            self.pop_front(list);
        } else {
            let node = self.node(index);
            node.flags.set(Flags::LINKED, false);
            let (prev, next) = (node.prev, node.next);
            self.node(prev).next = next;
            match next {
                NONE => self.waiting[list].tail = prev,
                next => self.node(next).prev = prev,
            }
            self.waiting[list].len -= 1;
        }
        if self.waiting[list].head == NONE {
            // Nobody is left who was passed over.
            self.passed[list] = 0;
        }
    }
}
