/* Written by `harness report`, for the pages beside it. */
'use strict';
const rows=[...document.querySelectorAll('tbody tr[data-model]')];
const field=id=>document.getElementById(id);
const form=document.querySelector('.filters'),shown=field('shown');
function filter(){
  const task=field('task').value,device=field('device').value;
  const model=field('model').value.trim().toLowerCase();
  let n=0;
  for(const r of rows)r.hidden=(device&&r.dataset.device!==device)||
    !r.dataset.model.toLowerCase().includes(model);
  for(const s of document.querySelectorAll('section[data-task]'))
    s.hidden=(task&&s.dataset.task!==task)||
      !s.querySelector('tr[data-model]:not([hidden])');
  for(const r of rows)n+=!r.hidden&&!r.closest('section').hidden;
  shown.textContent=shown.dataset.words.replace('{n}',n).replace('{all}',rows.length);
}
if(form){
  form.hidden=false;
  form.addEventListener('submit',e=>e.preventDefault());
  for(const id of ['task','device','model'])field(id).addEventListener('input',filter);
}
function key(row,i){const c=row.cells[i];const v=c.dataset.v??c.textContent.trim();
  const n=Number(v);return v!==''&&!Number.isNaN(n)?n:v;}
function sort(th){
  const i=th.cellIndex,body=th.closest('table').tBodies[0];
  const down=th.getAttribute('aria-sort')==='ascending'||
    (th.dataset.first==='down'&&th.getAttribute('aria-sort')!=='descending');
  for(const o of th.parentElement.cells)o.removeAttribute('aria-sort');
  th.setAttribute('aria-sort',down?'descending':'ascending');
  const list=[...body.rows].filter(r=>r.dataset.model!==undefined);
  list.sort((x,y)=>{const a=key(x,i),c=key(y,i);
    const o=typeof a==='number'&&typeof c==='number'?a-c:
      String(a).localeCompare(String(c));
    return down?-o:o;});
  const rest=[...body.rows].filter(r=>r.dataset.model===undefined);
  body.append(...list,...rest);
}
for(const th of document.querySelectorAll('th[data-first]')){
  const b=document.createElement('button');
  b.type='button';
  b.append(...th.childNodes);
  b.addEventListener('click',()=>sort(th));
  th.append(b);
}
