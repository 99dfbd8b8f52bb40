-- The first action after a start.
return useStore("counter"):increment()
